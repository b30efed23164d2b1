// WHEP's counter-offers: the server offers where a viewer's own offer cannot be accepted.

import { once } from 'node:events'
import test, { type ExecutionContext } from 'ava'
import type { ServerOptions } from 'xrtc'
import type { Site } from '../harness.ts'
import { fragment, offerOf, open, patch, post, problemOf, startServer, startSite } from '../harness.ts'

const PUBLISH = offerOf('chromium-publish-av1')
/** It has H.264, but no AV1. */
const PLAY = offerOf('libdatachannel-play')

interface Countered extends Site {
  readonly offer: string
  readonly session: string
  readonly etag: string
}

async function counter(t: ExecutionContext, options: ServerOptions = {}): Promise<Countered> {
  const site = await startSite(t, { counterOffers: true }, options)
  await open(`${site.url}/whip/lobby`, PUBLISH)
  const response = await post(`${site.url}/whep/lobby`, PLAY)
  t.is(response.status, 406)
  t.is(response.headers.get('content-type'), 'application/sdp')
  const session = new URL(response.headers.get('location') ?? '', site.url).href
  return { ...site, offer: await response.text(), session, etag: response.headers.get('etag') ?? '' }
}

function answer(session: string, sdp: string): Promise<Response> {
  return fetch(session, { method: 'PATCH', headers: { 'Content-Type': 'application/sdp' }, body: sdp })
}

test('B34: an offer that cannot be accepted is answered 406 with an offer, and its answer by PATCH 204', async (t) => {
  const { offer, session, etag, server } = await counter(t)
  t.regex(offer, /^v=0\r\n/)
  t.deepEqual(offer.match(/^a=(?:sendonly|recvonly|sendrecv|inactive)/gm), ['a=sendonly', 'a=sendonly'])
  const viewer = server.stream('lobby')!.viewers[0]!
  t.is(viewer.signalingState, 'have-local-offer')
  t.is((await patch(session, fragment(PLAY), { 'If-Match': etag })).status, 409)

  const malformed = await answer(session, 'garbage')
  t.is(malformed.status, 400)
  t.is((await problemOf(malformed))['code'], 'XRTC_INVALID_DESCRIPTION')
  // Another server takes the offer for a publisher's, and so answers like a viewer.
  const far = await startServer(t, { ice: 'full' })
  const { localDescription } = await far.push('far', { offer })
  const accepted = await answer(session, localDescription!.sdp)
  t.is(accepted.status, 204)
  t.is(await accepted.text(), '')
  t.is(viewer.signalingState, 'stable')
  t.is((await patch(session, fragment(localDescription!.sdp), { 'If-Match': etag })).status, 204)
  t.is((await answer(session, localDescription!.sdp)).status, 409)
  t.is((await fetch(session, { method: 'DELETE' })).status, 200)
})

test('B34: a counter-offer without an answer expires', async (t) => {
  const { session, server, signaling } = await counter(t, { answerTimeoutMs: 1_000 })
  const [{ reason }] = (await once(server, 'peerremoved')) as [{ reason: string }]
  t.is(reason, 'answerTimeout')
  t.is((await answer(session, 'garbage')).status, 404)
  t.is(signaling.sessionCount, 1)
})

test('B34: an offer that can be accepted is answered, and one that cannot be read is refused', async (t) => {
  const { url } = await startSite(t, { counterOffers: true })
  t.is((await post(`${url}/whep/lobby`, PLAY)).status, 409)
  await open(`${url}/whip/lobby`, PUBLISH)
  t.is((await post(`${url}/whep/lobby`, offerOf('chromium-play'))).status, 201)
  t.is((await post(`${url}/whep/lobby`, 'garbage')).status, 422)
})
