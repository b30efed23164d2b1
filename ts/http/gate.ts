// Who may do what and on which terms: the app's `authorize`, asked the same way for every request.

import type { Authorize, AuthorizeContext, AuthorizeResult, Grant, IceServer, SignalingRequest } from '../../index.d.ts'
import { XrtcError } from '../errors.ts'
import type { HttpResponse } from './message.ts'
import { problem } from './problem.ts'

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

/** Asks `authorize`; without one everybody may. Rejects if it throws or gives what is no grant. */
export async function passGate(
  authorize: Authorize | undefined,
  request: SignalingRequest,
  context: AuthorizeContext,
): Promise<Passage> {
  const result = authorize === undefined ? true : await ask(authorize, request, context)
  if (result === true) return termsOf({})
  if (typeof result === 'object' && result !== null) return termsOf(result)
  if (result === 'forbidden') {
    return { refusal: problem(403, { detail: `this token may not ${context.action} here` }) }
  }
  if (result) throw new TypeError('authorize gives true, false, `forbidden` or a grant')
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

function termsOf({ identity, iceServers = [], redirect, limits }: Grant): Terms {
  if (identity !== undefined) expect(typeof identity === 'string', 'an identity is a string')
  expect(Array.isArray(iceServers), 'iceServers is an array')
  for (const server of iceServers) checkIceServer(server)
  if (redirect !== undefined) expect(isRedirect(redirect), 'redirect is an http URL or an absolute path')
  const expiresInMs = limits?.expiresInMs
  if (expiresInMs !== undefined) expect(expiresInMs >= 1, 'limits.expiresInMs is a number from 1')
  return { identity, iceServers, redirect, expiresInMs }
}

// They become `Link` headers (RFC 9725 §4.6), which must stay one line of ASCII.
function checkIceServer({ urls, username, credential }: IceServer): void {
  const list = typeof urls === 'string' ? [urls] : urls
  expect(Array.isArray(list) && list.length > 0, 'an ICE server has urls')
  const shape = /^(?:stuns?|turns?):[^\s<>"\\,;]+$/
  expect(
    list.every((url) => shape.test(url) && ASCII.test(url)),
    'the URL of an ICE server begins with stun:, stuns:, turn: or turns:',
  )
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

function expect(holds: boolean, rule: string): void {
  if (!holds) throw new TypeError(`authorize gave what is no grant: ${rule}`)
}
