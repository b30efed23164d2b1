// Later offers of a session, by either side, and what is dropped again.

import test from 'ava'
import type { Peer, PullPeer } from 'xrtc'
import { answerTo, offerOf, startServer } from './harness.ts'

const PUBLISH = offerOf('chromium-publish-vp8')
const PLAY = offerOf('chromium-play')

const sections = (sdp = ''): readonly string[] =>
  sdp
    .split(/^(?=m=)/m)
    .slice(1)
    .map((section) => {
      const [, kind = '', port = ''] = /^m=(\w+) (\d+)/.exec(section) ?? []
      const direction = /^a=(sendonly|recvonly|sendrecv|inactive)/m.exec(section)?.[1] ?? ''
      return `${/^a=mid:(\S+)/m.exec(section)?.[1]} ${kind} ${port === '0' ? 'rejected' : direction}`
    })
const of = (peer: Peer): string => peer.localDescription?.sdp ?? ''
const ufrag = (sdp: string): string | undefined => /a=ice-ufrag:(\S+)/.exec(sdp)?.[1]
const ssrcs = (sdp: string): readonly string[] => [...new Set(sdp.match(/^a=ssrc:\d+/gm))]
const version = (sdp: string): number => Number(/^o=\S+ \d+ (\d+)/m.exec(sdp)?.[1])
const extensions = (sdp: string): ReadonlySet<string> =>
  new Set([...sdp.matchAll(/^a=extmap:(\d+)\S* (\S+)/gm)].map(([, id, uri]) => `${id} ${uri}`))

/** Changes the direction of the section of a kind. */
function turn(offer: string, kind: string, direction: string): string {
  return offer
    .split(/^(?=m=)/m)
    .map((section) =>
      section.startsWith(`m=${kind}`) ? section.replace(/^a=(?:recvonly|inactive)/m, `a=${direction}`) : section,
    )
    .join('')
}

async function answerOffer(peer: Peer, sdp: string): Promise<string> {
  await peer.setRemoteDescription({ type: 'offer', sdp })
  await peer.setLocalDescription(await peer.createAnswer())
  return of(peer)
}

test('a viewer takes video out of use and in again: places, mids, sources and ids stay', async (t) => {
  const server = await startServer(t)
  await server.push('lobby', { offer: PUBLISH })
  const pull = await server.pull('lobby', { offer: PLAY })
  const first = of(pull)
  const without = await answerOffer(pull, turn(PLAY, 'video', 'inactive'))
  t.deepEqual(
    sections(without),
    sections(first).map((one) => one.replace(/(video) sendonly/, '$1 inactive')),
  )
  t.is(ufrag(without), ufrag(first), 'ICE goes on')
  t.deepEqual(ssrcs(without), ssrcs(first), 'Chromium would not show a source that was not declared for a while')
  t.is(version(without), version(first) + 1)
  const again = await answerOffer(pull, PLAY)
  t.deepEqual(sections(again), sections(first))
  t.deepEqual(ssrcs(again), ssrcs(first))
  t.deepEqual(extensions(again), extensions(first))
  t.is(version(again), version(first) + 2)
})

test('everything may be out of use for a while', async (t) => {
  const server = await startServer(t)
  await server.push('lobby', { offer: PUBLISH })
  const pull = await server.pull('lobby', { offer: PLAY })
  const nothing = await answerOffer(pull, turn(turn(PLAY, 'video', 'inactive'), 'audio', 'inactive'))
  t.true(sections(nothing).every((section) => section.endsWith(' inactive')))
  t.true(sections(await answerOffer(pull, PLAY)).every((section) => section.endsWith(' sendonly')))
})

test('the server offers a viewer less and more again on the same connection', async (t) => {
  const server = await startServer(t)
  await server.push('lobby', { offer: PUBLISH })
  const pull = await server.pull('lobby', { media: { video: false } })
  await pull.setRemoteDescription({ type: 'answer', sdp: answerTo(of(pull)) })
  t.deepEqual(sections(of(pull)), ['0 audio sendonly'])
  const [session, ids] = [pull.iceSession, extensions(of(pull))]

  await reoffer(pull, { audio: true, video: true })
  t.deepEqual(sections(of(pull)), ['0 audio sendonly', '1 video sendonly'])
  const both = ssrcs(of(pull))
  for (const id of ids) t.true(extensions(of(pull)).has(id))
  const numbers = [...of(pull).matchAll(/^a=rtpmap:(\d+)/gm)].map(([, number]) => number)
  t.is(new Set(numbers).size, numbers.length, 'no payload type stands for two things')

  await reoffer(pull, { audio: false })
  t.deepEqual(sections(of(pull)), ['0 audio inactive', '1 video sendonly'])
  t.deepEqual(ssrcs(of(pull)), both)
  await reoffer(pull, {})
  t.deepEqual(sections(of(pull)), ['0 audio sendonly', '1 video sendonly'])
  t.deepEqual(ssrcs(of(pull)), both)
  t.is(pull.iceSession, session)
})

test('restartIce makes the next offer one with other credentials, which count from its answer on', async (t) => {
  const server = await startServer(t)
  const push = await server.push('lobby', { offer: PUBLISH })
  const session = push.iceSession
  push.restartIce()
  const offer = await push.createOffer()
  t.not(ufrag(offer.sdp), session)
  await push.setLocalDescription(offer)
  t.is(push.signalingState, 'have-local-offer')
  t.is(push.iceSession, session)
  const answer = answerTo(offer.sdp).replace(/^o=.*$/m, 'o=- 1 2 IN IP4 0.0.0.0')
  await push.setRemoteDescription({ type: 'answer', sdp: publisherAnswer(answer) })
  t.is(push.signalingState, 'stable')
  t.is(push.iceSession, ufrag(offer.sdp))
  // The wish is fulfilled: the next one keeps them.
  t.is(ufrag((await push.createOffer()).sdp), push.iceSession)
})

test('a rollback drops an offer of either side, and what was agreed on stays', async (t) => {
  const server = await startServer(t)
  await server.push('lobby', { offer: PUBLISH })
  const pull = await server.pull('lobby', { offer: PLAY })
  const states: string[] = []
  pull.on('signalingstatechange', ({ signalingState }) => states.push(signalingState))
  const [local, remote, session] = [pull.localDescription, pull.remoteDescription, pull.iceSession]

  await pull.setRemoteDescription({ type: 'offer', sdp: turn(PLAY, 'audio', 'inactive') })
  t.not(pull.remoteDescription?.sdp, remote?.sdp)
  await pull.setRemoteDescription({ type: 'rollback' })
  pull.restartIce()
  await pull.setLocalDescription()
  t.not(ufrag(of(pull)), session)
  await pull.setLocalDescription({ type: 'rollback' })
  t.deepEqual([pull.localDescription, pull.remoteDescription, pull.iceSession], [local, remote, session])
  t.deepEqual(states, ['have-remote-offer', 'stable', 'have-local-offer', 'stable'])
  t.is((await server.held()).pendingOffers, 0)
  for (const method of ['setLocalDescription', 'setRemoteDescription'] as const) {
    await t.throwsAsync(() => pull[method]({ type: 'rollback' }), { code: 'XRTC_INVALID_STATE' })
  }
  t.true(sections(await answerOffer(pull, PLAY)).every((section) => section.endsWith(' sendonly')))
})

test('an offer of the other side goes before one of the server, the first one too', async (t) => {
  const server = await startServer(t)
  const push = await server.push('lobby')
  await push.setRemoteDescription({ type: 'offer', sdp: PUBLISH })
  await push.setLocalDescription()
  t.is(push.signalingState, 'stable')
  t.is(server.stream('lobby')?.publisher, push)
  t.is(server.peers().length, 1)
  push.restartIce()
  await push.setLocalDescription()
  t.is(push.signalingState, 'have-local-offer')
  await answerOffer(push, PUBLISH)
  t.is(push.signalingState, 'stable')
})

test('the first offer of either side can be rolled back, and leaves nothing', async (t) => {
  const server = await startServer(t, { publisherGraceMs: 0 })
  const empty = await server.held()
  const push = server.peer({ push: 'lobby' })
  await push.setLocalDescription()
  await push.setLocalDescription({ type: 'rollback' })
  t.is(push.signalingState, 'stable')
  t.is(push.localDescription, null)
  await push.setRemoteDescription({ type: 'offer', sdp: PUBLISH })
  await push.setRemoteDescription({ type: 'rollback' })
  t.is(push.remoteDescription, null)
  t.false(push.closed)
  t.like(await server.held(), { peers: empty.peers, pendingOffers: 0, ufrags: empty.ufrags })
  await answerOffer(push, PUBLISH)
  t.is(server.stream('lobby')?.publisher, push)
})

for (const [name, offer] of [
  ['without a section of before', PLAY.slice(0, PLAY.lastIndexOf('m='))],
  ['with sections in another order', swapped(PLAY)],
  ['with the id of another extension', PLAY.replaceAll('urn:ietf:params:rtp-hdrext:sdes:mid', 'urn:example:other')],
  ['with another certificate', PLAY.replaceAll(/^a=fingerprint:sha-256 \S\S/gm, 'a=fingerprint:sha-256 00')],
] as const) {
  test(`a later offer ${name} is refused, and changes nothing`, async (t) => {
    const server = await startServer(t)
    await server.push('lobby', { offer: PUBLISH })
    const pull = await server.pull('lobby', { offer: PLAY })
    const before = of(pull)
    await t.throwsAsync(() => pull.setRemoteDescription({ type: 'offer', sdp: offer }), {
      code: 'XRTC_UNSUPPORTED_DESCRIPTION',
    })
    t.is(pull.signalingState, 'stable')
    t.is(of(pull), before)
    t.true(sections(await answerOffer(pull, PLAY)).every((section) => section.endsWith(' sendonly')))
  })
}

test('setMedia refuses what is no choice of media', async (t) => {
  const server = await startServer(t)
  await server.push('lobby', { offer: PUBLISH })
  const pull = await server.pull('lobby', { offer: PLAY })
  for (const media of [{ data: true }, { audio: 1 }, null]) {
    t.throws(() => pull.setMedia(media as object), { code: 'XRTC_INVALID_ARGUMENT' })
  }
})

async function reoffer(pull: PullPeer, media: { audio?: boolean; video?: boolean }): Promise<void> {
  pull.setMedia(media)
  await pull.setLocalDescription()
  await pull.setRemoteDescription({ type: 'answer', sdp: answerTo(of(pull)) })
}

// The peer of `PUBLISH`, whose certificate is in its offer; the server's offer has the server's.
function publisherAnswer(answer: string): string {
  const fingerprint = /^a=fingerprint:.*$/m.exec(PUBLISH)?.[0] ?? ''
  return answer.replaceAll(/^a=fingerprint:.*$/gm, fingerprint.trim())
}

function swapped(offer: string): string {
  const [session = '', ...media] = offer.split(/^(?=m=)/m)
  return [session, ...media.toReversed()].join('')
}
