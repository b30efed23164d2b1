// Who may do what and on which terms: the app's `authorize`, asked the same way for every request.

import type {
  Authorize,
  AuthorizeContext,
  AuthorizeResult,
  Grant,
  IceServer,
  MediaServer,
  SignalingRequest,
} from '../../index.d.ts'
import { XrtcError } from '../errors.ts'
import { CREDENTIAL_TYPE_RULE, ICE_URLS_RULE, iceUrls, isPassword } from '../ice-server.ts'
import { withinTime } from './deadline.ts'
import type { HttpRequest, HttpResponse } from './message.ts'
import { problem } from './problem.ts'
import type { SignalingHooks, SignalingSettings } from './signaling.ts'

/** What the gate says: come in on these terms, or the refusal. */
export type Passage = Terms | { readonly refusal: HttpResponse }

/** The app's grant, checked, with nothing left to default. */
export interface Terms {
  readonly identity: string | undefined
  readonly iceServers: readonly IceServer[]
  /** Where whoever opens a session shall go instead. */
  readonly redirect: string | undefined
  /** How long the session may last from now on. */
  readonly expiresInMs: number | undefined
}

type GateSettings = Pick<SignalingSettings, 'authorize' | 'requestTimeoutMs'>

/** The app's `authorize`, bounded in time and checked. Whoever may come in is told of the embedded TURN server. */
export class Gate {
  readonly #server: MediaServer
  readonly #settings: GateSettings
  readonly #failed: SignalingHooks['failed']

  constructor(server: MediaServer, settings: GateSettings, failed: SignalingHooks['failed']) {
    this.#server = server
    this.#settings = settings
    this.#failed = failed
  }

  /**
   * Asks `authorize`; without one everybody may. Rejects if it throws or gives what is no grant.
   *
   * @throws {LimitError} It did not settle within `requestTimeoutMs` (`XRTC_OVERLOADED`), which is told of already.
   */
  pass(request: HttpRequest, context: AuthorizeContext): Passage | Promise<Passage> {
    const { authorize } = this.#settings
    return authorize === undefined ? this.#withOwnServers(FREE) : this.#ask(authorize, request, context)
  }

  async #ask(authorize: Authorize, request: HttpRequest, context: AuthorizeContext): Promise<Passage> {
    const { requestTimeoutMs } = this.#settings
    const asked = ask(authorize, request, context)
    const result = await withinTime(asked, requestTimeoutMs, () => undefined).catch((error: unknown) => {
      // `ask` throws none, so this one is the deadline's.
      if (error instanceof XrtcError) {
        this.#failed(new Error(`authorize did not settle within ${requestTimeoutMs} ms`), request)
      }
      throw error
    })
    const passage = passageOf(result, request, context)
    return 'refusal' in passage ? passage : this.#withOwnServers(passage)
  }

  #withOwnServers(terms: Terms): Terms {
    const { identity, iceServers } = terms
    const own = this.#server.iceServers(identity === undefined ? {} : { identity })
    return own.length === 0 ? terms : { ...terms, iceServers: [...iceServers, ...own] }
  }
}

// What everybody may have.
const FREE: Terms = { identity: undefined, iceServers: [], redirect: undefined, expiresInMs: undefined }

function passageOf(result: unknown, request: SignalingRequest, { action }: AuthorizeContext): Passage {
  if (result === true) return FREE
  if (isRecord(result)) return termsOf(result)
  if (result === 'forbidden') return { refusal: problem(403, { detail: `this token may not ${action} here` }) }
  if (result !== false) throw new TypeError("authorize gives true, false, 'forbidden' or a grant")
  // RFC 6750 §3: no error code where no token was given.
  const given = request.token !== undefined
  const challenge = given ? 'Bearer realm="xrtc", error="invalid_token"' : 'Bearer realm="xrtc"'
  const detail = given ? 'the token is not valid' : 'a bearer token is needed'
  return { refusal: problem(401, { detail }, [['WWW-Authenticate', challenge]]) }
}

// What an `XrtcError` of the app's own calls says is not the client's business, so it loses its class here.
async function ask(
  authorize: Authorize,
  request: SignalingRequest,
  context: AuthorizeContext,
): Promise<AuthorizeResult> {
  try {
    return await authorize(request, context)
  } catch (error) {
    throw error instanceof XrtcError ? new Error(`authorize failed: ${error.message}`, { cause: error }) : error
  }
}

function termsOf(grant: Grant): Terms {
  expectKeys('a grant', grant, ['identity', 'iceServers', 'limits', 'redirect'])
  const { identity, iceServers = [], redirect, limits = {} } = grant
  if (identity !== undefined) expect(typeof identity === 'string', 'an identity is a string')
  expect(Array.isArray(iceServers), 'iceServers is an array')
  for (const server of iceServers) checkIceServer(server)
  if (redirect !== undefined) expect(isRedirect(redirect), 'redirect is an http URL or an absolute path')
  expect(isRecord(limits), 'limits is an object')
  expectKeys('limits', limits, ['expiresInMs'])
  const { expiresInMs } = limits
  if (expiresInMs !== undefined) {
    expect(typeof expiresInMs === 'number' && expiresInMs >= 1, 'limits.expiresInMs is a number from 1')
  }
  return { identity, iceServers, redirect, expiresInMs }
}

// They become `Link` headers (RFC 9725 §4.6), which must stay one line of ASCII. Members beside these are let be: TURN
// providers send some, and browsers ignore them too.
function checkIceServer(server: IceServer): void {
  expect(isRecord(server), 'an ICE server is an object')
  const { urls, username, credential, credentialType } = server
  expect(isPassword(credentialType), `of an ICE server, ${CREDENTIAL_TYPE_RULE}`)
  const list = iceUrls(urls) ?? []
  expect(list.length > 0, `of an ICE server, ${ICE_URLS_RULE}`)
  const texts = [username, credential].filter((text) => text !== undefined)
  expect(
    texts.every((text) => typeof text === 'string' && ASCII.test(text)),
    'username and credential of an ICE server are printable ASCII',
  )
  const needsBoth = list.some((url) => url.startsWith('turn'))
  expect(!needsBoth || texts.length === 2, 'a TURN server has username and credential')
}

function isRedirect(target: unknown): boolean {
  if (typeof target !== 'string' || !ASCII.test(target) || target.includes(' ')) return false
  return target.startsWith('/') ? !target.startsWith('//') : /^https?:/i.test(target) && URL.canParse(target)
}

const ASCII = /^[\x20-\x7e]*$/

// Not a response, a map or a list: without members that are read they would grant everything.
function isRecord(value: unknown): value is object {
  return Object.prototype.toString.call(value) === '[object Object]'
}

function expectKeys(name: string, value: object, keys: readonly string[]): void {
  const stranger = Object.keys(value).find((key) => !keys.includes(key))
  expect(stranger === undefined, `${name} has no ${stranger}`)
}

function expect(holds: boolean, rule: string): void {
  if (!holds) throw new TypeError(`authorize gave what is no grant: ${rule}`)
}
