// Descriptions over the life of a peer.

import test from 'ava'
import { fragment, offerOf, open, patch, startServer, startSite } from '../harness.ts'

const OFFERS = ['chromium-publish', 'firefox-publish', 'obs-publish-simulcast'].map((name) => offerOf(name))
const NEW = { ufrag: 'abcd', pwd: 'abcdefghijklmnopqrstuvwx' }

function extensions(sdp: string | undefined): readonly string[] {
  return sdp?.match(/^a=extmap:.*$/gm) ?? []
}

test('C50: an ICE restart by PATCH leaves every extension id as it was', async (t) => {
  const { url, server } = await startSite(t)
  for (const [index, offer] of OFFERS.entries()) {
    const { session, answer, etag } = await open(`${url}/whip/${index}`, offer)
    t.is((await patch(session, fragment(offer, NEW), { 'If-Match': etag })).status, 200)
    t.true(extensions(answer).length > 0)
    t.deepEqual(extensions(server.stream(String(index))?.publisher?.localDescription?.sdp), extensions(answer))
  }
})

test('C50: the answer to a later offer has the same extension ids', async (t) => {
  const server = await startServer(t)
  const offer = offerOf('chromium-publish')
  const peer = await server.push('lobby', { offer })
  const before = extensions(peer.localDescription?.sdp)
  const later = offer
    .replaceAll(/^a=ice-ufrag:.*$/gm, `a=ice-ufrag:${NEW.ufrag}`)
    .replaceAll(/^a=ice-pwd:.*$/gm, `a=ice-pwd:${NEW.pwd}`)
  await peer.setRemoteDescription({ type: 'offer', sdp: later })
  t.deepEqual(extensions((await peer.createAnswer()).sdp), before)
})
