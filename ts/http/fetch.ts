// The Fetch standard's Request and Response: Hono, Bun, Deno and routers of their kind.

import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import type { Signaling } from '../../index.d.ts'
import { readBody } from './body.ts'
import type { Adapted, HttpRequest, HttpResponse } from './message.ts'
import { BodyError, tokenOf } from './message.ts'

/** The `fetch` of a signaling. */
export function fetchHandler({ serve, requestTimeoutMs }: Adapted): Signaling['fetch'] {
  return async (request, { remoteAddress, notFound } = {}) => {
    const response = await serve(readRequest(request, remoteAddress, requestTimeoutMs), notFound !== undefined)
    if (response !== undefined) return toResponse(request, response)
    // `serve` passes only where there is a `notFound`.
    return (await notFound?.()) ?? new Response(null, { status: 404 })
  }
}

function readRequest(request: Request, remoteAddress: string | undefined, timeoutMs: number): HttpRequest {
  const { pathname, search, searchParams } = new URL(request.url)
  const headers = Object.fromEntries(request.headers)
  return {
    method: request.method,
    url: pathname + search,
    path: pathname,
    query: searchParams,
    headers,
    mount: '',
    token: tokenOf(headers['authorization'], searchParams),
    remoteAddress,
    body: async (maxBytes) => {
      if (request.bodyUsed) throw new BodyError(400, 'the app took the body: give the signaling a clone of the request')
      if (request.body === null) return ''
      const stream = Readable.fromWeb(request.body as ReadableStream)
      return await readBody({ stream, headers, timeoutMs }, maxBytes)
    },
  }
}

function toResponse(request: Request, { status, headers, body, undelivered }: HttpResponse): Response {
  // Whether an answer arrives is not known here. A client that is gone already gets none; one that goes now leaves a
  // peer that never connects, which ends by itself.
  if (request.signal.aborted) undelivered?.()
  return new Response(request.method === 'HEAD' ? null : contentOf(body), {
    status,
    headers: headers.filter(([name]) => name !== 'Connection').map(([name, value]): [string, string] => [name, value]),
  })
}

function contentOf(body: HttpResponse['body']): ConstructorParameters<typeof Response>[0] {
  if (body instanceof Readable) return Readable.toWeb(body) as unknown as globalThis.ReadableStream
  if (body === undefined || body.length === 0) return null
  // Bytes have no type of their own: the one among the headers stands alone.
  return typeof body === 'string' ? Buffer.from(body) : body
}
