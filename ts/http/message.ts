// Requests and responses as plain records, so that one core serves every HTTP framework through a small adapter.

import type { Readable } from 'node:stream'
import type { SignalingRequest } from '../../index.d.ts'

/** A request with a body that is read on demand. */
export interface HttpRequest extends SignalingRequest {
  /** The path as it was sent, below the prefix that the adapter is mounted on; still encoded. */
  readonly path: string
  /** The query without its question mark. */
  readonly query: URLSearchParams
  /** The prefix that a framework took off the path; it comes back in `Location`. */
  readonly mount: string
  /** Reads the whole body, or rejects with a `BodyError`. */
  body(maxBytes: number): Promise<string>
}

/** A response. Headers are in the order of writing; a name may come twice. */
export interface HttpResponse {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** A stream is written as it goes on, and destroyed when nobody can have it any more. */
  readonly body?: string | Uint8Array | Readable
  /** To be called when the response could not be delivered: what it announces is then unknown to the client. */
  readonly undelivered?: () => void
  /** What the request's log line says beside the usual; with it the line is of the level `info`. */
  readonly log?: object
}

/** What an adapter gets of its signaling. */
export interface Adapted {
  /** The response. `undefined`, with `mayPass` only: the path is not the signaling's but the framework's. */
  serve<MayPass extends boolean>(
    request: HttpRequest,
    mayPass: MayPass,
  ): Promise<HttpResponse | (MayPass extends false ? never : undefined)>
  /** Tells that a response could not be written. */
  failed(error: unknown, request: HttpRequest): void
  /** How long a request's body may take. */
  readonly requestTimeoutMs: number
}

/** Why a body could not be read. */
export class BodyError extends Error {
  readonly status: 400 | 408 | 413 | 415

  constructor(status: 400 | 408 | 413 | 415, message: string) {
    super(message)
    this.status = status
  }
}

/** A response without a body. */
export function emptyResponse(status: number, headers: HttpResponse['headers'] = []): HttpResponse {
  return { status, headers }
}

/** The same response with more headers at its end. */
export function withHeaders(response: HttpResponse, headers: HttpResponse['headers']): HttpResponse {
  return { ...response, headers: [...response.headers, ...headers] }
}

/** Headers by name, in the order of writing; a name that came twice has a list. */
export function groupedHeaders(headers: HttpResponse['headers']): Record<string, string | string[]> {
  const grouped: Record<string, string | string[]> = {}
  for (const [name, value] of headers) {
    const before = grouped[name]
    grouped[name] = before === undefined ? value : [before, value].flat()
  }
  return grouped
}

/** The media type of a `Content-Type`, without parameters and in lower case; empty where there is none. */
export function mediaType(request: SignalingRequest): string {
  return (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

/** Reads the bearer token of a request: the header first, then the query (RFC 6750 §2). */
export function tokenOf(authorization: string | undefined, query: URLSearchParams): string | undefined {
  const header = authorization?.trim()
  if (header === undefined || header === '') return query.get('token') ?? undefined
  const bearer = /^Bearer +(\S+)$/i.exec(header)
  if (bearer !== null) return bearer[1]
  // Some players send the bare token (Eyevinn's WHEP adapter); other schemes are not ours to read.
  return /\s/.test(header) ? undefined : header
}
