// The session resource: PATCH (trickle and ICE restart, RFC 9725 §4.3) and DELETE.

import { credentialsOf } from '../ice-text.ts'
import type { SessionPeer } from '../kept-peer.ts'
import { compareTags, entityTag } from './etag.ts'
import type { HttpRequest, HttpResponse } from './message.ts'
import { emptyResponse, mediaType } from './message.ts'
import { problem } from './problem.ts'
import type { Session } from './session.ts'

/** The media type of trickled candidates and ICE restarts (RFC 8840). */
export const FRAGMENT = 'application/trickle-ice-sdpfrag'

// How many ICE restarts back a late request is known for one.
const REMEMBERED_GENERATIONS = 8

/** How PATCH is served. */
export interface PatchOptions {
  readonly maxBodyBytes: number
  readonly lenientIfMatch: boolean
}

/** Serves one PATCH. Whether it is a restart is seen from its credentials, never from `If-Match`. */
export async function patchSession(
  session: Session,
  request: HttpRequest,
  options: PatchOptions,
): Promise<HttpResponse> {
  const type = mediaType(request)
  if (type === 'application/sdp' && session.protocol === 'whep') {
    return await takeAnswer(session, request, options.maxBodyBytes)
  }
  if (type !== FRAGMENT) {
    return problem(415, { detail: `a PATCH has the type ${FRAGMENT}` }, [['Accept-Patch', FRAGMENT]])
  }
  const fragment = await request.body(options.maxBodyBytes)
  // Overlapping requests are served in the order in which their bodies arrived.
  const earlier = session.turn
  const turn =
    earlier === undefined
      ? applyFragment(session, request, fragment, options.lenientIfMatch)
      : earlier.then(() => applyFragment(session, request, fragment, options.lenientIfMatch))
  const settled = turn.then(nothing, nothing)
  session.turn = settled
  try {
    return await turn
  } finally {
    // Nothing is kept of the last one.
    if (session.turn === settled) session.turn = undefined
  }
}

function nothing(): void {}

// draft-ietf-wish-whep-04 §4.3.2: an answer has its place only after a counter-offer. No tag is asked for: there is one
// ICE session that it can belong to.
async function takeAnswer({ peer }: Session, request: HttpRequest, maxBodyBytes: number): Promise<HttpResponse> {
  if (peer.signalingState !== 'have-local-offer') {
    return problem(409, { detail: 'no answer is awaited: the offer was answered already' })
  }
  await peer.object().setRemoteDescription({ type: 'answer', sdp: await request.body(maxBodyBytes) })
  return emptyResponse(204)
}

async function applyFragment(
  session: Session,
  request: HttpRequest,
  fragment: string,
  lenient: boolean,
): Promise<HttpResponse> {
  const { peer } = session
  if (peer.closed) return problem(404, { detail: 'the session is over' })
  const tags = compareTags(request.headers['if-match'], tagOf(peer))
  if (tags === 'missing' && !lenient)
    return problem(428, { detail: 'a PATCH needs If-Match with the ETag of the session' })
  if (tags === 'mismatch') return problem(412, { detail: 'If-Match names another ICE session' })
  // Overlapping requests may arrive in another order than they were sent in (RFC 9725 §4.3.1). Credentials of before a
  // restart are then no wish to go back: whatever `If-Match` says, their ICE session is over.
  const sent = generationOf(fragment)
  if (sent !== undefined && session.earlierGenerations?.includes(sent) === true) {
    return problem(412, { detail: 'the fragment is of an ICE session that was restarted' })
  }
  const before = generationOf(peer.remoteDescription?.sdp ?? '')
  const reply = await peer.addIceFragment(fragment)
  if (reply === undefined) return emptyResponse(204)
  if (before !== undefined) {
    session.earlierGenerations = [...(session.earlierGenerations ?? []), before].slice(-REMEMBERED_GENERATIONS)
  }
  return {
    status: 200,
    headers: [
      ['Content-Type', FRAGMENT],
      ['ETag', tagOf(peer)],
      ['Cache-Control', 'no-store'],
    ],
    body: reply,
  }
}

// While it is open it has one.
function tagOf(peer: SessionPeer): string {
  return entityTag(peer.iceSession ?? '')
}

// Whatever of the credentials changes makes another ICE session.
function generationOf(text: string): string | undefined {
  const credentials = credentialsOf(text)
  return credentials === undefined ? undefined : `${credentials.ufrag} ${credentials.pwd}`
}
