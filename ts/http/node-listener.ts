// node:http, Connect and Express: their request and response to and from the core's records.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpRequest, HttpResponse } from './message.ts'
import { BodyError, tokenOf } from './message.ts'

// What Connect and Express add: the URL before they took their mount's prefix off, and a body that was read already.
interface Decorated {
  readonly originalUrl?: unknown
  readonly baseUrl?: unknown
  readonly body?: unknown
}

// A body over the limit is read on and thrown away up to this many times the limit, because a client that is cut off
// while it still writes mostly sees a broken connection instead of the 413.
const DRAINED = 8

/** The request as the core's record. Its body may take `timeoutMs` to arrive. */
export function readRequest(incoming: IncomingMessage & Decorated, timeoutMs: number): HttpRequest {
  const url = originForm(incoming.url ?? '/')
  const [path = '/', search = ''] = splitOnce(url, '?')
  const query = new URLSearchParams(search)
  const headers: Record<string, string | undefined> = {}
  for (const [name, value] of Object.entries(incoming.headers)) {
    headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return {
    method: incoming.method ?? 'GET',
    url,
    path,
    query,
    headers,
    mount: mountOf(incoming, url),
    token: tokenOf(headers['authorization'], query),
    remoteAddress: incoming.socket.remoteAddress,
    body: (maxBytes) => readBody(incoming, maxBytes, timeoutMs),
  }
}

/** Sends the core's response. */
export function writeResponse(outgoing: ServerResponse, response: HttpResponse, method: string): void {
  const { undelivered } = response
  if (undelivered !== undefined) {
    outgoing.once('close', () => {
      if (!outgoing.writableFinished) undelivered()
    })
    if (outgoing.destroyed) return undelivered()
  }
  if (outgoing.destroyed) return
  const headers = response.headers.flat()
  const body = response.body ?? ''
  // 204 has no length (RFC 9110 §8.6); everything else says how long it is, HEAD included.
  if (response.status !== 204) headers.push('Content-Length', String(Buffer.byteLength(body)))
  outgoing.writeHead(response.status, headers)
  outgoing.end(method === 'HEAD' || body.length === 0 ? undefined : body)
}

function readBody(incoming: IncomingMessage & Decorated, maxBytes: number, timeoutMs: number): Promise<string> {
  // A body parser of the app may have been first.
  if (typeof incoming.body === 'string') return Promise.resolve(decode(Buffer.from(incoming.body), maxBytes))
  if (Buffer.isBuffer(incoming.body)) return Promise.resolve(decode(incoming.body, maxBytes))
  if (incoming.destroyed) return Promise.reject(new BodyError(400, 'the body broke off'))
  const encoding = incoming.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') return Promise.reject(new BodyError(415, `a body encoded as ${encoding} is not read`))
  if (Number(incoming.headers['content-length'] ?? 0) > DRAINED * maxBytes) return Promise.reject(tooLarge(maxBytes))
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    const timer = setTimeout(() => finish(new BodyError(408, 'the body did not arrive in time')), timeoutMs)
    const onData = (chunk: Buffer): void => {
      length += chunk.length
      if (length <= maxBytes) chunks.push(chunk)
      else if (length > DRAINED * maxBytes) finish(tooLarge(maxBytes))
    }
    const onEnd = (): void => finish(undefined)
    const onBroken = (): void => finish(new BodyError(400, 'the body broke off'))
    const finish = (error: BodyError | undefined): void => {
      clearTimeout(timer)
      incoming.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken)
      const problem = error ?? (length > maxBytes ? tooLarge(maxBytes) : undefined)
      if (problem === undefined) return resolve(Buffer.concat(chunks).toString('utf8'))
      incoming.pause()
      reject(problem)
    }
    incoming.on('data', onData).on('end', onEnd).on('error', onBroken).on('close', onBroken)
  })
}

function decode(bytes: Buffer, maxBytes: number): string {
  if (bytes.length > maxBytes) throw tooLarge(maxBytes)
  return bytes.toString('utf8')
}

function tooLarge(maxBytes: number): BodyError {
  return new BodyError(413, `a body has at most ${maxBytes} bytes`)
}

// A proxy may send the absolute form (RFC 9112 §3.2.2).
function originForm(url: string): string {
  return url.startsWith('/') ? url : url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').replace(/^(?!\/)/, '/')
}

function mountOf({ baseUrl, originalUrl }: Decorated, url: string): string {
  if (typeof baseUrl === 'string') return baseUrl
  if (typeof originalUrl !== 'string' || originalUrl === url || !originalUrl.endsWith(url)) return ''
  return originalUrl.slice(0, -url.length)
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}
