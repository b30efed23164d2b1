// Error codes become classes here and nowhere else. Each code has one class.

import type { XrtcErrorCode, XrtcErrorOptions } from '../index.d.ts'

/** The base of every error that xrtc throws: a stable code beside the message. */
export class XrtcError extends Error {
  readonly code: XrtcErrorCode
  readonly details: Readonly<Record<string, string>>

  constructor(code: XrtcErrorCode, message: string, options?: XrtcErrorOptions) {
    super(message, options)
    this.code = code
    this.details = options?.details ?? {}
  }

  static {
    name(this)
  }
}

/** The caller's argument is wrong. */
export class InvalidArgumentError extends XrtcError {
  static {
    name(this)
  }
}

/** The call does not fit the object's state. */
export class InvalidStateError extends XrtcError {
  static {
    name(this)
  }
}

/** The remote side's description is wrong or cannot be accepted. */
export class NegotiationError extends XrtcError {
  static {
    name(this)
  }
}

/** The stream is taken, or not there. */
export class StreamError extends XrtcError {
  static {
    name(this)
  }
}

/** A limit is reached; try again later, unless it is `descriptionBytes`. */
export class LimitError extends XrtcError {
  static {
    name(this)
  }
}

/** The object is closed. */
export class ClosedError extends XrtcError {
  static {
    name(this)
  }
}

/** The network refused. */
export class NetworkError extends XrtcError {
  static {
    name(this)
  }
}

/** Another server cannot be reached, or refuses. */
export class RemoteError extends XrtcError {
  static {
    name(this)
  }
}

/** A defect of xrtc or of its installation. */
export class InternalError extends XrtcError {
  static {
    name(this)
  }
}

type ErrorClass = new (code: XrtcErrorCode, message: string, options?: XrtcErrorOptions) => XrtcError

const CLASSES: Readonly<Record<XrtcErrorCode, ErrorClass>> = {
  XRTC_ADDRESS_IN_USE: NetworkError,
  XRTC_BIND_FAILED: NetworkError,
  XRTC_CLOSED: ClosedError,
  XRTC_INTERNAL: InternalError,
  XRTC_INVALID_ARGUMENT: InvalidArgumentError,
  XRTC_INVALID_DESCRIPTION: NegotiationError,
  XRTC_INVALID_FRAGMENT: NegotiationError,
  XRTC_INVALID_STATE: InvalidStateError,
  XRTC_INVALID_STREAM_NAME: InvalidArgumentError,
  XRTC_LIMIT_REACHED: LimitError,
  XRTC_NATIVE_MISSING: InternalError,
  XRTC_NO_COMMON_CODEC: NegotiationError,
  XRTC_NO_RELAY: NetworkError,
  XRTC_OVERLOADED: LimitError,
  XRTC_REMOTE_FORBIDDEN: RemoteError,
  XRTC_REMOTE_REFUSED: RemoteError,
  XRTC_REMOTE_UNAUTHORIZED: RemoteError,
  XRTC_REMOTE_UNAVAILABLE: RemoteError,
  XRTC_REMOTE_UNREACHABLE: RemoteError,
  XRTC_STREAM_IN_USE: StreamError,
  XRTC_STREAM_NOT_LIVE: StreamError,
  XRTC_UNKNOWN_STREAM: StreamError,
  XRTC_UNRESOLVED_ADDRESS: NetworkError,
  XRTC_UNSUPPORTED_DESCRIPTION: NegotiationError,
}

/** The error of that code, in the code's class. */
export function errorOf(code: XrtcErrorCode, message: string, options?: XrtcErrorOptions): XrtcError {
  return new CLASSES[code](code, message, options)
}

/** Whether a description or fragment is too long: of all limits the one that no waiting helps against. */
export function isTooLong({ code, details }: XrtcError): boolean {
  return code === 'XRTC_LIMIT_REACHED' && details['limit'] === 'descriptionBytes'
}

/** Whether a text is one of the stable codes. */
export function isErrorCode(code: string): code is XrtcErrorCode {
  return Object.hasOwn(CLASSES, code)
}

// As undici does: the name is on the prototype, so that it shows in stacks and is not an own property.
function name(constructor: { readonly name: string; readonly prototype: object }): void {
  Object.defineProperty(constructor.prototype, 'name', { value: constructor.name, configurable: true, writable: true })
}
