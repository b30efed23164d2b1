// Who may do what: the app's `authorize`, asked the same way for every request.

import type { Authorize, AuthorizeContext, AuthorizeResult, SignalingRequest } from '../../index.d.ts'
import type { HttpResponse } from './message.ts'
import { problem } from './problem.ts'

/** What the gate says: come in (perhaps under a name), or the refusal. */
export type Passage = { readonly identity: string | undefined } | { readonly refusal: HttpResponse }

/** Asks `authorize`; without one everybody may. */
export async function passGate(
  authorize: Authorize | undefined,
  request: SignalingRequest,
  context: AuthorizeContext,
): Promise<Passage> {
  const result: AuthorizeResult = authorize === undefined ? true : await authorize(request, context)
  if (result === true) return { identity: undefined }
  if (typeof result === 'object' && result !== null) return { identity: result.identity }
  if (result === 'forbidden') {
    return { refusal: problem(403, { detail: `this token may not ${context.action} here` }) }
  }
  // RFC 6750 §3: no error code where no token was given.
  const given = request.token !== undefined
  const challenge = given ? 'Bearer realm="xrtc", error="invalid_token"' : 'Bearer realm="xrtc"'
  const detail = given ? 'the token is not valid' : 'a bearer token is needed'
  return { refusal: problem(401, { detail }, [['WWW-Authenticate', challenge]]) }
}
