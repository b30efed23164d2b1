// Every refusal is a problem document (RFC 9457). This is the one table from error codes to statuses.

import type { XrtcErrorCode } from '../../index.d.ts'
import { XrtcError, isTooLong } from '../errors.ts'
import type { HttpResponse } from './message.ts'
import { BodyError } from './message.ts'

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

const STATUSES: Readonly<Record<XrtcErrorCode, number>> = {
  XRTC_ADDRESS_IN_USE: 500,
  XRTC_BIND_FAILED: 500,
  XRTC_CLOSED: 503,
  XRTC_INTERNAL: 500,
  XRTC_INVALID_ARGUMENT: 400,
  XRTC_INVALID_DESCRIPTION: 400,
  XRTC_INVALID_FRAGMENT: 400,
  XRTC_INVALID_STATE: 409,
  XRTC_INVALID_STREAM_NAME: 400,
  XRTC_LIMIT_REACHED: 503,
  XRTC_NATIVE_MISSING: 500,
  XRTC_NO_COMMON_CODEC: 422,
  XRTC_NO_RELAY: 503,
  XRTC_OVERLOADED: 503,
  XRTC_REMOTE_FORBIDDEN: 500,
  XRTC_REMOTE_REFUSED: 500,
  XRTC_REMOTE_UNAUTHORIZED: 500,
  XRTC_REMOTE_UNAVAILABLE: 500,
  XRTC_REMOTE_UNREACHABLE: 500,
  XRTC_STREAM_IN_USE: 409,
  XRTC_STREAM_NOT_LIVE: 409,
  XRTC_UNKNOWN_STREAM: 409,
  XRTC_UNRESOLVED_ADDRESS: 500,
  XRTC_UNSUPPORTED_DESCRIPTION: 422,
}

/** The media type of problem documents. */
export const PROBLEM = 'application/problem+json'

/** What a problem document says beside its status. */
export interface ProblemFields {
  readonly detail: string
  readonly code?: string
  readonly details?: Readonly<Record<string, string>>
}

/** A problem document as a response. */
export function problem(status: number, fields: ProblemFields, headers: HttpResponse['headers'] = []): HttpResponse {
  const { detail, code, details } = fields
  const document = { type: 'about:blank', title: TITLES[status] ?? 'Error', status, detail, code, ...details }
  return {
    status,
    headers: [['Content-Type', PROBLEM], ['Cache-Control', 'no-store'], ...headers],
    body: JSON.stringify(document),
  }
}

/**
 * The response for an error. `undefined`: it is none that a client may be told about.
 *
 * With `semantic` an unreadable description is 422 as well: WHEP players take 400 for "send an empty offer".
 */
export function problemOf(
  error: unknown,
  options: { readonly semantic: boolean; readonly retryAfterSeconds: number },
): HttpResponse | undefined {
  if (error instanceof BodyError) {
    // The rest of the body is not read, so the connection cannot be used again (RFC 9112 §9.3).
    const headers: HttpResponse['headers'] = error.status === 400 ? [] : [['Connection', 'close']]
    return problem(error.status, { detail: error.message }, headers)
  }
  if (!(error instanceof XrtcError)) return undefined
  const { code, message, details } = error
  if (isTooLong(error)) return problem(413, { detail: message, code, details })
  const status = options.semantic && code === 'XRTC_INVALID_DESCRIPTION' ? 422 : STATUSES[code]
  if (status === 500) return undefined
  const retry = status === 503 || code === 'XRTC_UNKNOWN_STREAM' || code === 'XRTC_STREAM_NOT_LIVE'
  return problem(status, { detail: message, code, details }, retry ? retryAfter(options.retryAfterSeconds) : [])
}

/** When to come again (RFC 9110 §10.2.3). */
export function retryAfter(seconds: number): HttpResponse['headers'] {
  return [['Retry-After', String(seconds)]]
}
