// A remote end that answers as a test says, and notes what it was asked.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ExecutionContext } from 'ava'
import { listen } from '../harness.ts'

/** A request that came. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** What to answer. */
export interface Told {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** Starts one. Where the test gives nothing the request hangs. */
export async function startFar(
  t: ExecutionContext,
  answer: (asked: Asked, count: number) => Told | undefined | Promise<Told | undefined>,
): Promise<{ readonly url: string; readonly asked: Asked[] }> {
  const asked: Asked[] = []
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const { method = '', url = '', headers } = request
    const one = { method, path: url, headers, body }
    asked.push(one)
    const told = await answer(one, asked.length)
    if (told !== undefined) response.writeHead(told.status, { ...told.headers }).end(told.body)
  }
  const url = await listen(t, (request, response) => void serve(request, response))
  return { url, asked }
}
