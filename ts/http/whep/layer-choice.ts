// The choice of a simulcast layer by a WHEP player.

import type { LayerWish, PullPeer } from '../../../index.d.ts'
import type { HttpResponse } from '../message.ts'
import { emptyResponse } from '../message.ts'
import { problem } from '../problem.ts'

// Layers inside one RTP stream (SVC) are forwarded whole.
const UNSUPPORTED = ['spatialLayerId', 'temporalLayerId', 'maxSpatialLayerId', 'maxTemporalLayerId']

/**
 * Takes a player's wish for the section `mediaId`; with nothing else in it the choice is the server's again. What is no
 * wish is refused with 400, what cannot be fulfilled with 422.
 */
export async function chooseLayer(peer: PullPeer, wish: unknown, sections: readonly number[]): Promise<HttpResponse> {
  if (typeof wish !== 'object' || wish === null || !('mediaId' in wish)) {
    return problem(400, { detail: 'the body is a JSON object with a mediaId' })
  }
  const { mediaId, ...rest } = wish as Readonly<Record<string, unknown>>
  if (!sections.map(String).includes(String(mediaId))) {
    return problem(422, { detail: 'mediaId is the position of a video section that is sent' })
  }
  const unsupported = UNSUPPORTED.find((key) => rest[key] !== undefined)
  if (unsupported !== undefined) {
    return problem(422, { detail: `layers are chosen by rid and size: ${unsupported} is not supported` })
  }
  const { rid, maxWidth, maxHeight } = rest
  const given = Object.entries({ rid, maxWidth, maxHeight }).filter(([, value]) => value !== undefined)
  await peer.setLayer(Object.fromEntries(given) as LayerWish)
  return emptyResponse(200)
}
