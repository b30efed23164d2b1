// The numbers of the XRTC routes' replies: this is the one table from errors to them.

import type { XrtcErrorCode, XrtcErrNo as PublicErrNo } from '../../../index.d.ts'
import { XrtcError, isTooLong } from '../../errors.ts'
import type { HttpResponse } from '../message.ts'
import { BodyError } from '../message.ts'

/** The values of `errNo`. 1xxx: the request, 2xxx: streams and sessions, 3xxx: the answer, 5xxx: the server. */
export const XrtcErrNo = {
  success: 0,
  invalidParameter: 1001,
  dtlsRequired: 1002,
  unauthorized: 1003,
  forbidden: 1004,
  methodNotAllowed: 1005,
  unsupportedMediaType: 1006,
  bodyTooLarge: 1007,
  requestTimeout: 1008,
  tooManyRequests: 1009,
  redirected: 1010,
  streamNotFound: 2001,
  streamNotLive: 2002,
  streamInUse: 2003,
  sessionNotFound: 2004,
  noAnswerAwaited: 2005,
  invalidAnswer: 3001,
  unsupportedAnswer: 3002,
  noCommonCodec: 3003,
  internal: 5001,
  closed: 5002,
  limitReached: 5003,
  overloaded: 5004,
} as const satisfies typeof PublicErrNo

/** A value of the table. */
export type ErrNo = (typeof XrtcErrNo)[keyof typeof XrtcErrNo]

/** A refusal on its way to the reply. */
export class Refusal extends Error {
  readonly errNo: ErrNo
  readonly status: number
  readonly headers: HttpResponse['headers']

  /** What an action refuses is status 200: the course's clients read nothing else. */
  constructor(errNo: ErrNo, message: string, status = 200, headers: HttpResponse['headers'] = []) {
    super(message)
    this.errNo = errNo
    this.status = status
    this.headers = headers
  }
}

/** The refusal for an error. `undefined`: it is none that a client may be told about. */
export function refusalOf(error: unknown, retryAfterSeconds: number): Refusal | undefined {
  if (error instanceof Refusal) return error
  if (error instanceof BodyError) {
    // The rest of the body is not read, so the connection cannot be used again (RFC 9112 §9.3).
    const headers: HttpResponse['headers'] = error.status === 400 ? [] : [['Connection', 'close']]
    return new Refusal(errNoOfStatus(error.status), error.message, error.status, headers)
  }
  if (!(error instanceof XrtcError)) return undefined
  if (isTooLong(error)) return new Refusal(XrtcErrNo.bodyTooLarge, error.message, 413)
  const errNo = BY_CODE[error.code]
  if (errNo === XrtcErrNo.internal) return undefined
  if (errNo !== XrtcErrNo.closed) return new Refusal(errNo, error.message)
  return new Refusal(errNo, error.message, 503, [['Retry-After', String(retryAfterSeconds)]])
}

/** The refusal that a response of the gate stands for; its headers are kept, but for those of its body. */
export function refusalOfResponse({ status, headers }: HttpResponse, action: 'push' | 'pull'): Refusal {
  const message = status === 401 ? `a token is needed to ${action} here` : `this uid may not ${action} here`
  const kept = headers.filter(([name]) => !/^(?:content-type|cache-control)$/i.test(name))
  return new Refusal(errNoOfStatus(status), message, status, kept)
}

function errNoOfStatus(status: number): ErrNo {
  return BY_STATUS[status] ?? (status < 500 ? XrtcErrNo.invalidParameter : XrtcErrNo.overloaded)
}

const BY_STATUS: Readonly<Record<number, ErrNo>> = {
  401: XrtcErrNo.unauthorized,
  403: XrtcErrNo.forbidden,
  405: XrtcErrNo.methodNotAllowed,
  408: XrtcErrNo.requestTimeout,
  413: XrtcErrNo.bodyTooLarge,
  415: XrtcErrNo.unsupportedMediaType,
  429: XrtcErrNo.tooManyRequests,
}

const BY_CODE: Readonly<Record<XrtcErrorCode, ErrNo>> = {
  XRTC_ADDRESS_IN_USE: XrtcErrNo.internal,
  XRTC_BIND_FAILED: XrtcErrNo.internal,
  XRTC_CLOSED: XrtcErrNo.closed,
  XRTC_INTERNAL: XrtcErrNo.internal,
  XRTC_INVALID_ARGUMENT: XrtcErrNo.invalidParameter,
  XRTC_INVALID_DESCRIPTION: XrtcErrNo.invalidAnswer,
  XRTC_INVALID_FRAGMENT: XrtcErrNo.invalidAnswer,
  XRTC_INVALID_STATE: XrtcErrNo.noAnswerAwaited,
  XRTC_INVALID_STREAM_NAME: XrtcErrNo.invalidParameter,
  XRTC_LIMIT_REACHED: XrtcErrNo.limitReached,
  XRTC_NATIVE_MISSING: XrtcErrNo.internal,
  XRTC_NO_COMMON_CODEC: XrtcErrNo.noCommonCodec,
  XRTC_NO_RELAY: XrtcErrNo.internal,
  XRTC_OVERLOADED: XrtcErrNo.overloaded,
  XRTC_REMOTE_FORBIDDEN: XrtcErrNo.internal,
  XRTC_REMOTE_REFUSED: XrtcErrNo.internal,
  XRTC_REMOTE_UNAUTHORIZED: XrtcErrNo.internal,
  XRTC_REMOTE_UNAVAILABLE: XrtcErrNo.internal,
  XRTC_REMOTE_UNREACHABLE: XrtcErrNo.internal,
  XRTC_STREAM_IN_USE: XrtcErrNo.streamInUse,
  XRTC_STREAM_NOT_LIVE: XrtcErrNo.streamNotLive,
  XRTC_UNKNOWN_STREAM: XrtcErrNo.streamNotFound,
  XRTC_UNRESOLVED_ADDRESS: XrtcErrNo.internal,
  XRTC_UNSUPPORTED_DESCRIPTION: XrtcErrNo.unsupportedAnswer,
}
