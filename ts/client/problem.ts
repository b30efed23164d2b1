/** Why a session could not start or ended; stable strings. */
export type ProblemCode =
  | 'insecureContext'
  | 'unsupportedBrowser'
  | 'nothingToSend'
  | 'permissionDenied'
  | 'deviceNotFound'
  | 'deviceBusy'
  | 'captureCancelled'
  | 'captureEnded'
  | 'notLive'
  | 'streamInUse'
  | 'unauthorized'
  | 'forbidden'
  | 'offerRefused'
  | 'notFound'
  | 'overloaded'
  | 'unreachable'
  | 'connectionLost'
  | 'endedByServer'

/** What 409 means: to a player that nobody publishes, to a publisher that somebody else does. */
export type ConflictCode = 'notLive' | 'streamInUse'

/** A failure with a stable `code` and a message that can be shown to a person as it is. */
export class ClientError extends Error {
  override readonly name = 'ClientError'

  readonly code: ProblemCode
  /** How long the server asks to wait before another try, in ms. */
  readonly retryAfterMs: number | undefined

  constructor(code: ProblemCode, message: string, options: ClientErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.code = code
    this.retryAfterMs = options.retryAfterMs
  }

  /** Whether trying again later can help. */
  get transient(): boolean {
    return TRANSIENT.has(this.code)
  }
}

interface ClientErrorOptions {
  readonly retryAfterMs?: number
  readonly cause?: unknown
}

/** Reads an error answer of a WHIP or WHEP endpoint; a problem+json body (RFC 9457) gives the message. */
export async function problemOfResponse(response: Response, conflict: ConflictCode): Promise<ClientError> {
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN)
  const detail = await detailOf(response)
  const code = response.status === 409 ? conflict : codeOfStatus(response.status)
  const message = detail ?? DEFAULT_MESSAGES[code] ?? `the server answered ${response.status}`
  return new ClientError(code, message, Number.isFinite(retryAfter) ? { retryAfterMs: retryAfter * 1000 } : {})
}

/** Explains an error of `getUserMedia` or `getDisplayMedia` (Media Capture and Streams §10.2, Screen Capture §5.1). */
export function problemOfCapture(
  error: unknown,
  what: 'camera' | 'microphone' | 'camera or microphone' | 'screen',
): ClientError {
  const name = error instanceof Error ? error.name : ''
  const options = { cause: error }
  if (name === 'NotAllowedError' || name === 'SecurityError') {
    return what === 'screen'
      ? new ClientError('captureCancelled', 'No screen was chosen, or the browser may not share it.', options)
      : new ClientError(
          'permissionDenied',
          `The browser may not use the ${what}. Allow it in the address bar and try again.`,
          options,
        )
  }
  if (name === 'NotFoundError' || name === 'OverconstrainedError') {
    return new ClientError('deviceNotFound', `No ${what} was found. Plug one in, or choose another.`, options)
  }
  if (name === 'NotReadableError' || name === 'AbortError') {
    return new ClientError('deviceBusy', `The ${what} does not start. Perhaps another program uses it.`, options)
  }
  return new ClientError('deviceNotFound', `The ${what} cannot be used: ${String(error)}`, options)
}

async function detailOf(response: Response): Promise<string | undefined> {
  if (!(response.headers.get('content-type') ?? '').includes('json')) return undefined
  try {
    const body = (await response.json()) as { detail?: unknown; title?: unknown }
    const text = body.detail ?? body.title
    return typeof text === 'string' && text !== '' ? text : undefined
  } catch {
    return undefined
  }
}

function codeOfStatus(status: number): ProblemCode {
  return STATUS_CODES[status] ?? (status >= 500 ? 'unreachable' : 'offerRefused')
}

const STATUS_CODES: Readonly<Record<number, ProblemCode>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'notFound',
  429: 'overloaded',
  503: 'overloaded',
}

const TRANSIENT: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'notLive',
  'overloaded',
  'unreachable',
  'connectionLost',
  'endedByServer',
])

const DEFAULT_MESSAGES: Partial<Record<ProblemCode, string>> = {
  unauthorized: 'The server wants a token, or does not take this one.',
  forbidden: 'This token may not do that.',
  notFound: 'There is no such address on the server.',
  notLive: 'The stream is not live.',
  streamInUse: 'Somebody else publishes this stream.',
  overloaded: 'The server has too much to do at the moment.',
  unreachable: 'The server cannot be reached.',
}
