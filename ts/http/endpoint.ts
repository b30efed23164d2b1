// The endpoints: WHIP `POST /whip/:stream` (RFC 9725 §4.2) and WHEP `POST /whep/:stream`
// (draft-ietf-wish-whep-04 §4.3). The server always answers the client's offer.

import type { XrtcErrorCode } from '../../index.d.ts'
import { XrtcError } from '../errors.ts'
import type { Opened, SessionPeer } from '../kept-peer.ts'
import type { Admitted } from '../peer-table.ts'
import { withinTime } from './deadline.ts'
import { entityTag } from './etag.ts'
import type { HttpRequest, HttpResponse } from './message.ts'
import { emptyResponse, mediaType } from './message.ts'
import { problem } from './problem.ts'
import type { Protocol } from './route.ts'
import type { SignalingServer } from './signaling.ts'

/** A peer with the description that it gets. */
export type AdmittedPeer = Admitted<SessionPeer>

/** The media type of offers and answers. */
export const SDP = 'application/sdp'

/** What GET and HEAD say: there is an endpoint here. HEAD of WHEP names the type, so that players know it by that. */
export function describeEndpoint(method: 'GET' | 'HEAD', protocol: Protocol): HttpResponse {
  if (protocol === 'whip') return emptyResponse(204)
  return emptyResponse(method === 'HEAD' ? 200 : 204, [['Content-Type', SDP]])
}

/** Reads the offer of a POST, or gives the refusal. */
export async function readOffer(
  request: HttpRequest,
  protocol: Protocol,
  maxBytes: number,
): Promise<{ readonly offer: string } | { readonly refusal: HttpResponse }> {
  if (mediaType(request) !== SDP) {
    return { refusal: problem(415, { detail: `an offer has the type ${SDP}` }, [['Accept-Post', SDP]]) }
  }
  const offer = await request.body(maxBytes)
  if (offer.trim() === '') {
    // A player that was answered 400 may try this to get the server's offer; 422 says that it will not.
    return { refusal: problem(protocol === 'whep' ? 422 : 400, { detail: 'the body is empty: an offer is needed' }) }
  }
  return { offer }
}

/**
 * Lets the server answer the offer. If it takes too long the request fails, and a peer that comes after all is ended.
 */
export function acceptOffer(
  server: SignalingServer,
  opening: Opened,
  { offer, timeoutMs }: { readonly offer: string; readonly timeoutMs: number },
): Promise<AdmittedPeer> {
  return withinTime(server.admit(opening, offer), timeoutMs, giveUp)
}

function giveUp({ peer }: AdmittedPeer): void {
  void peer.close('the request was given up')
}

/**
 * Makes the server's own offer to a viewer whose offer was refused with `error`, where that may help: it was read but
 * cannot be accepted. The offer waits for its answer as long as the server's `answerTimeoutMs` says.
 */
export async function counterOffer(
  error: unknown,
  server: SignalingServer,
  opening: Opened,
  timeoutMs: number,
): Promise<AdmittedPeer> {
  if (!(error instanceof XrtcError) || !UNACCEPTABLE.includes(error.code)) throw error
  return await withinTime(server.admit(opening, undefined), timeoutMs, giveUp)
}

const UNACCEPTABLE: readonly XrtcErrorCode[] = ['XRTC_NO_COMMON_CODEC', 'XRTC_UNSUPPORTED_DESCRIPTION']

/** 307: the one redirect that every client follows; 301 and 302 must not be used (RFC 9725 §4.5). */
export function redirected(location: string): HttpResponse {
  return emptyResponse(307, [
    ['Location', location],
    ['Cache-Control', 'no-store'],
  ])
}

/**
 * 201 with the answer (RFC 9725 §4.2), or 406 with the server's own offer (draft-ietf-wish-whep-04 §4.3.2). The type has
 * no parameters and the location no query: clients compare.
 */
export function opened(admitted: AdmittedPeer, location: string, links: HttpResponse['headers']): HttpResponse {
  const { peer, type, sdp, iceSession } = admitted
  return {
    status: type === 'offer' ? 406 : 201,
    headers: [
      ['Content-Type', SDP],
      ['Location', location],
      ['ETag', entityTag(iceSession)],
      ['Cache-Control', 'no-store'],
      ...links,
    ],
    body: sdp,
    undelivered: () => void peer.close('the answer could not be delivered'),
  }
}
