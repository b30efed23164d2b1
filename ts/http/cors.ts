// Cross-origin access (Fetch standard). Errors carry the headers too: a browser hides a status without them.

import type { CorsOptions, SignalingRequest } from '../../index.d.ts'
import type { HttpResponse } from './message.ts'

type Headers = HttpResponse['headers']

const EXPOSED = 'Location, Link, ETag, Retry-After, WWW-Authenticate, Accept-Post, Accept-Patch'
const METHODS = 'OPTIONS, GET, HEAD, POST, PATCH, DELETE'
// `Authorization` is named because the wildcard does not cover it.
const REQUEST_HEADERS = 'Authorization, Content-Type, If-Match'

/** The CORS policy of a signaling. */
export class Cors {
  readonly #origins: '*' | ReadonlySet<string> | undefined
  readonly #maxAge: string

  constructor(options: CorsOptions | false | undefined) {
    const origins = options === false ? undefined : (options?.origins ?? '*')
    this.#origins = origins === '*' || origins === undefined ? origins : new Set(origins)
    this.#maxAge = String((options === false ? undefined : options?.maxAgeSeconds) ?? 86_400)
  }

  /** The headers of every response. */
  headers(request: SignalingRequest): Headers {
    const allowed = this.#allowed(request)
    if (allowed === undefined) return []
    return [...allowed, ['Access-Control-Expose-Headers', EXPOSED]]
  }

  /** What the answer to OPTIONS has instead. It needs no authorization: browsers send none. */
  preflightHeaders(request: SignalingRequest): Headers {
    const allowed = this.#allowed(request)
    if (allowed === undefined) return []
    return [
      ...allowed,
      ['Access-Control-Allow-Methods', METHODS],
      ['Access-Control-Allow-Headers', REQUEST_HEADERS],
      ['Access-Control-Max-Age', this.#maxAge],
      ['Access-Control-Expose-Headers', EXPOSED],
    ]
  }

  #allowed(request: SignalingRequest): Headers | undefined {
    if (this.#origins === undefined) return undefined
    if (this.#origins === '*') return [['Access-Control-Allow-Origin', '*']]
    const origin = request.headers['origin']
    const vary: Headers = [['Vary', 'Origin']]
    if (origin === undefined || !this.#origins.has(origin)) return vary
    return [...vary, ['Access-Control-Allow-Origin', origin]]
  }
}
