// What a response other than success means: whether it is worth another attempt, and when.

import { XrtcError, errorOf } from '../errors.ts'
import { retryAfterMs } from '../retry.ts'
import type { Reply } from './exchange.ts'

// Anything else of 4xx says that the request itself is wrong, and the next one would be the same.
const TEMPORARY = [404, 408, 409, 423, 425, 429]

/** The error for a response that is no success. */
export function refusalOf(reply: Reply): XrtcError {
  const { status, url } = reply
  const said = titleOf(reply)
  const message = `${url.origin} answered ${status}${said === undefined ? '' : `: ${said}`}`
  const retryAfter = retryAfterMs(reply.header('retry-after'))
  const details = {
    status: String(status),
    url: url.origin,
    ...(retryAfter === undefined ? {} : { retryAfterMs: String(retryAfter) }),
  }
  if (status === 401) return errorOf('XRTC_REMOTE_UNAUTHORIZED', message, { details })
  if (status === 403) return errorOf('XRTC_REMOTE_FORBIDDEN', message, { details })
  const isTemporary = status >= 500 || TEMPORARY.includes(status)
  return errorOf(isTemporary ? 'XRTC_REMOTE_UNAVAILABLE' : 'XRTC_REMOTE_REFUSED', message, { details })
}

// Errors of the next attempt too: the request, the credentials or the codecs would be the same.
const FINAL: readonly string[] = [
  'XRTC_CLOSED',
  'XRTC_INVALID_DESCRIPTION',
  'XRTC_NO_COMMON_CODEC',
  'XRTC_REMOTE_FORBIDDEN',
  'XRTC_REMOTE_REFUSED',
  'XRTC_REMOTE_UNAUTHORIZED',
  'XRTC_UNSUPPORTED_DESCRIPTION',
]

/** Whether another attempt has no use. What is no error of xrtc comes from the app's token function: it may recover. */
export function isFinal(error: unknown): boolean {
  return error instanceof XrtcError && FINAL.includes(error.code)
}

/** How long the other server wants to be left alone. */
export function askedDelayMs(error: unknown): number {
  return error instanceof XrtcError ? Number(error.details['retryAfterMs'] ?? 0) : 0
}

// The words of an RFC 9457 problem, or a short plain text.
function titleOf({ type, body }: Reply): string | undefined {
  if (type === 'text/plain') return body.length <= 200 ? body.trim() || undefined : undefined
  if (!type.endsWith('json')) return undefined
  try {
    const problem = JSON.parse(body) as { readonly detail?: unknown; readonly title?: unknown } | null
    const said = problem?.detail ?? problem?.title
    return typeof said === 'string' ? said.slice(0, 200) : undefined
  } catch {
    return undefined
  }
}
