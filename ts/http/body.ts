// Reading a request's body within its limits, from whatever stream the framework gives.

import type { Readable } from 'node:stream'
import { BodyError } from './message.ts'

// A body over the limit is read on and thrown away up to this many times the limit, because a client that is cut off
// while it still writes mostly sees a broken connection instead of the 413.
const DRAINED = 8

/** A body that has not been read yet. */
export interface BodySource {
  readonly stream: Readable
  readonly headers: Readonly<Record<string, string | undefined>>
  /** How long it may take to arrive. */
  readonly timeoutMs: number
}

/** Reads the whole body as UTF-8, or rejects with a `BodyError`. */
export function readBody({ stream, headers, timeoutMs }: BodySource, maxBytes: number): Promise<string> {
  if (stream.destroyed) return Promise.reject(new BodyError(400, 'the body broke off'))
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') return Promise.reject(new BodyError(415, `a body encoded as ${encoding} is not read`))
  if (Number(headers['content-length'] ?? 0) > DRAINED * maxBytes) return Promise.reject(tooLarge(maxBytes))
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    let settled = false
    const timer = setTimeout(() => finish(new BodyError(408, 'the body did not arrive in time')), timeoutMs)
    const onData = (chunk: Buffer): void => {
      length += chunk.length
      if (length <= maxBytes) chunks.push(chunk)
      else if (length > DRAINED * maxBytes) finish(tooLarge(maxBytes))
    }
    const onEnd = (): void => finish(undefined)
    // The listeners stay: a request lives as long as its response, and closes after its end too.
    const onBroken = (): void => {
      if (!settled) finish(new BodyError(400, 'the body broke off'))
    }
    const finish = (error: BodyError | undefined): void => {
      if (settled) return
      settled = true
      clearTimeout(timer)
      const problem = error ?? (length > maxBytes ? tooLarge(maxBytes) : undefined)
      if (problem === undefined) return resolve(textOf(chunks))
      stream.off('data', onData).pause()
      reject(problem)
    }
    stream.on('data', onData).on('end', onEnd).on('error', onBroken).on('close', onBroken)
  })
}

// Most bodies are one piece.
function textOf(chunks: readonly Buffer[]): string {
  const [first, ...rest] = chunks
  if (first === undefined) return ''
  return (rest.length === 0 ? first : Buffer.concat(chunks)).toString('utf8')
}

/** What a body parser of the app left, as the text that was sent; `undefined`: nothing that can be used. */
export function parsedBody(body: unknown, type: string, maxBytes: number): string | undefined {
  if (typeof body === 'string') return decode(Buffer.from(body), maxBytes)
  if (body instanceof Uint8Array) return decode(Buffer.from(body), maxBytes)
  if (type !== 'application/x-www-form-urlencoded' || typeof body !== 'object' || body === null) return undefined
  const fields = Object.entries(body).filter((field): field is [string, string] => typeof field[1] === 'string')
  return decode(Buffer.from(new URLSearchParams(fields).toString()), maxBytes)
}

function decode(bytes: Buffer, maxBytes: number): string {
  if (bytes.length > maxBytes) throw tooLarge(maxBytes)
  return bytes.toString('utf8')
}

function tooLarge(maxBytes: number): BodyError {
  return new BodyError(413, `a body has at most ${maxBytes} bytes`)
}
