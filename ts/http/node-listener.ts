// node:http, node:https, node:http2 (its compatibility API), Connect and Express: their request and response to and from
// the core's records.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { Readable, pipeline } from 'node:stream'
import type { Signaling } from '../../index.d.ts'
import { parsedBody, readBody } from './body.ts'
import type { Adapted, HttpRequest, HttpResponse } from './message.ts'
import { BodyError, groupedHeaders, mediaType, tokenOf } from './message.ts'

// What Connect and Express add: the URL before they took their mount's prefix off, and a body that was read already.
interface Decorated {
  readonly originalUrl?: unknown
  readonly baseUrl?: unknown
  readonly body?: unknown
}

type Incoming = (IncomingMessage | Http2ServerRequest) & Decorated
type Outgoing = ServerResponse | Http2ServerResponse
type Next = NonNullable<Parameters<Signaling['listener']>[2]>

/** The listener of a signaling. */
export function nodeListener({ serve, failed, requestTimeoutMs }: Adapted): Signaling['listener'] {
  return (incoming, outgoing, next) => {
    const request = readRequest(incoming, requestTimeoutMs)
    answer(request, outgoing, next).catch((error: unknown) => {
      failed(error, request)
      if ('stream' in outgoing) outgoing.stream.destroy()
      else outgoing.destroy()
    })
  }

  async function answer(request: HttpRequest, outgoing: Outgoing, next: Next | undefined): Promise<void> {
    const response = await serve(request, next !== undefined)
    if (response === undefined) return next?.()
    writeResponse(outgoing, response, request.method)
  }
}

function readRequest(incoming: Incoming, timeoutMs: number): HttpRequest {
  const url = originForm(incoming.url ?? '/')
  const mount = mountOf(incoming, url)
  const [path, search] = splitOnce(url, '?')
  const query = search === '' ? NO_QUERY : new URLSearchParams(search)
  const headers = headersOf(incoming)
  const request: HttpRequest = {
    method: incoming.method ?? 'GET',
    url: mount + url,
    path,
    query,
    headers,
    mount,
    token: tokenOf(headers['authorization'], query),
    remoteAddress: incoming.socket.remoteAddress,
    body: (maxBytes) => bodyOf(incoming, request, timeoutMs, maxBytes),
  }
  return request
}

// Most requests have none.
const NO_QUERY = new URLSearchParams()

async function bodyOf(incoming: Incoming, request: HttpRequest, timeoutMs: number, maxBytes: number): Promise<string> {
  const { body } = incoming
  // A body parser of the app may have been first; some leave an empty object behind although they read nothing.
  const taken = typeof body === 'string' || body instanceof Uint8Array || incoming.readableDidRead
  if (!taken) return await readBody({ stream: incoming, headers: request.headers, timeoutMs }, maxBytes)
  const text = parsedBody(body, mediaType(request), maxBytes)
  if (text !== undefined) return text
  throw new BodyError(400, 'a body parser of the app took the body and left neither text nor bytes')
}

/** The headers. HTTP/2 has the method, the path and the host among them, under names that begin with a colon. */
export function headersOf(incoming: Incoming): HttpRequest['headers'] {
  const isPlain = incoming.httpVersionMajor === 1 && incoming.headers['set-cookie'] === undefined
  // Of HTTP/1's headers that one alone is a list, and no request has it.
  if (isPlain) return incoming.headers as HttpRequest['headers']
  const headers: Record<string, string | undefined> = {}
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (!name.startsWith(':')) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return headers
}

function writeResponse(outgoing: Outgoing, response: HttpResponse, method: string): void {
  if (!watchDelivery(outgoing, response)) return
  const { body = '' } = response
  const headers = groupedHeaders(response.headers)
  if (body instanceof Readable) {
    outgoing.writeHead(response.status, headers)
    // Whichever of the two breaks off, the other is ended with it.
    pipeline(body, 'stream' in outgoing ? outgoing.stream : outgoing, () => undefined)
    return
  }
  // 204 has no length (RFC 9110 §8.6); everything else says how long it is, HEAD included.
  if (response.status !== 204) headers['Content-Length'] = String(Buffer.byteLength(body))
  // HTTP/2 connections are not closed by a header (RFC 9113 §8.2.2).
  if ('stream' in outgoing) delete headers['Connection']
  outgoing.writeHead(response.status, headers)
  if (method === 'HEAD' || body.length === 0) outgoing.end()
  else outgoing.end(body)
}

/** Tells the response if it is not delivered. Gives whether there is anybody left to write it to. */
export function watchDelivery(outgoing: Outgoing, { body, undelivered }: HttpResponse): boolean {
  const stream = 'stream' in outgoing ? outgoing.stream : outgoing
  if (stream.destroyed) {
    undelivered?.()
    if (body instanceof Readable) body.destroy()
  } else if (undelivered !== undefined) {
    stream.once('close', () => {
      if (!stream.writableFinished) undelivered()
    })
  }
  return !stream.destroyed
}

// A proxy may send the absolute form (RFC 9112 §3.2.2).
function originForm(url: string): string {
  return url.startsWith('/') ? url : url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').replace(/^(?!\/)/, '/')
}

function mountOf({ baseUrl, originalUrl }: Decorated, url: string): string {
  if (typeof baseUrl === 'string') return baseUrl
  if (typeof originalUrl !== 'string') return ''
  const [[whole], [path]] = [splitOnce(originForm(originalUrl), '?'), splitOnce(url, '?')]
  if (whole.endsWith(path)) return whole.slice(0, -path.length)
  // Connect gives `/` where nothing is left of the path.
  return path === '/' ? whole : ''
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}
