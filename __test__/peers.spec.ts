import test from 'ava'
import { once } from 'node:events'
import { InvalidArgumentError, InvalidStateError, NegotiationError, StreamError } from 'xrtc'
import type { MediaServer, Peer } from 'xrtc'
import { fragment, offerOf, startServer, until } from './harness.ts'

const PUBLISH = offerOf('chromium-publish-vp8')
const PLAY = offerOf('chromium-play')

test('push answers an offer', async (t) => {
  const server = await startServer(t)
  const peer = await server.push('lobby', { offer: PUBLISH, identity: 'ann' })
  t.is(peer.action, 'push')
  t.is(peer.streamName, 'lobby')
  t.is(peer.identity, 'ann')
  t.is(peer.signalingState, 'stable')
  t.is(peer.connectionState, 'new')
  t.is(peer.iceConnectionState, 'new')
  t.deepEqual(peer.remoteDescription, { type: 'offer', sdp: PUBLISH })
  t.is(peer.localDescription?.type, 'answer')
  t.regex(peer.localDescription?.sdp ?? '', /^v=0\r\n[^]*a=recvonly\r\n[^]*a=candidate:/)
  t.deepEqual(server.peers(), [peer])
  t.is(server.stream('lobby')?.publisher, peer)
})

test('pull answers an offer while there is a publisher', async (t) => {
  const server = await startServer(t, { workers: 2 })
  const push = await server.push('lobby', { offer: PUBLISH })
  const pull = await server.pull('lobby', { offer: PLAY })
  t.regex(pull.localDescription?.sdp ?? '', /a=sendonly\r\n/)
  t.deepEqual(server.stream('lobby')?.viewers, [pull])
  t.deepEqual(server.stream('lobby')?.peers(), [push, pull])
})

test('without an offer the server makes one, and takes the answer', async (t) => {
  const server = await startServer(t)
  const peer = await server.push('lobby')
  t.is(peer.signalingState, 'have-local-offer')
  t.is(peer.localDescription?.type, 'offer')
  t.regex(peer.localDescription?.sdp ?? '', /a=setup:actpass\r\n/)
  await t.throwsAsync(() => peer.setRemoteDescription({ type: 'answer', sdp: 'nonsense' }), {
    instanceOf: NegotiationError,
    code: 'XRTC_INVALID_DESCRIPTION',
  })
  t.is(peer.signalingState, 'have-local-offer')
})

test('media chooses the sections of the server’s own offer', async (t) => {
  const server = await startServer(t)
  const peer = await server.push('lobby', { media: { video: false } })
  t.deepEqual(peer.localDescription?.sdp.match(/^m=\w+/gm), ['m=audio'])
})

test('the manual form goes through the browser’s states', async (t) => {
  const server = await startServer(t)
  const peer = server.peer({ push: 'lobby' })
  const states: string[] = []
  peer.on('signalingstatechange', ({ signalingState }) => states.push(signalingState))
  t.deepEqual(server.peers(), [])
  await t.throwsAsync(() => peer.createAnswer(), { instanceOf: InvalidStateError, code: 'XRTC_INVALID_STATE' })
  await peer.setRemoteDescription({ type: 'offer', sdp: PUBLISH })
  const answer = await peer.createAnswer()
  t.is(peer.localDescription, null)
  await t.throwsAsync(() => peer.setLocalDescription({ type: 'answer', sdp: `${answer.sdp}a=x\r\n` }), {
    instanceOf: InvalidArgumentError,
  })
  await peer.setLocalDescription(answer)
  t.deepEqual(peer.localDescription, answer)
  await peer.close()
  t.deepEqual(states, ['have-remote-offer', 'stable', 'closed'])
})

test('rejects a second answer with XRTC_INVALID_STATE', async (t) => {
  const server = await startServer(t)
  const peer = await server.push('lobby', { offer: PUBLISH })
  await t.throwsAsync(() => peer.setRemoteDescription({ type: 'answer', sdp: PUBLISH }), { code: 'XRTC_INVALID_STATE' })
  await t.throwsAsync(() => peer.createAnswer(), { code: 'XRTC_INVALID_STATE' })
})

test('peer wants either push or pull', async (t) => {
  const server = await startServer(t)
  for (const options of [{}, { push: 'a', pull: 'a' }, { pull: 'a', identity: 'x' }, null]) {
    t.throws(() => server.peer(options as unknown as { push: string }), { code: 'XRTC_INVALID_ARGUMENT' })
  }
})

for (const name of [
  '',
  '.',
  'a/../b',
  'a//b',
  '/a',
  'a/',
  'a\nb',
  'x'.repeat(257),
  'ä'.repeat(129),
  '\uD800',
  7,
  undefined,
]) {
  test(`the stream name ${JSON.stringify(name)?.slice(0, 20)} is refused`, async (t) => {
    const server = await startServer(t)
    await t.throwsAsync(() => server.push(name as string, { offer: PUBLISH }), {
      instanceOf: InvalidArgumentError,
      code: 'XRTC_INVALID_STREAM_NAME',
    })
  })
}

for (const name of ['a', 'a/b/c', 'Wohnzimmer über uns', '直播', 'x'.repeat(256), '...', ' ']) {
  test(`the stream name ${JSON.stringify(name).slice(0, 24)} is taken`, async (t) => {
    const server = await startServer(t)
    await server.push(name, { offer: PUBLISH })
    t.is(server.stream(name)?.name, name)
  })
}

test('nobody can watch what nobody publishes', async (t) => {
  const server = await startServer(t)
  await t.throwsAsync(() => server.pull('lobby', { offer: PLAY }), {
    instanceOf: StreamError,
    code: 'XRTC_UNKNOWN_STREAM',
  })
  t.deepEqual(server.peers(), [])
})

test('a second publisher is refused while the first one is there', async (t) => {
  const server = await startServer(t)
  await server.push('lobby', { offer: PUBLISH })
  await t.throwsAsync(() => server.push('lobby', { offer: PUBLISH }), {
    instanceOf: StreamError,
    code: 'XRTC_STREAM_IN_USE',
  })
  t.is(server.peers().length, 1)
})

test('the same identity replaces its own publisher, another one does not', async (t) => {
  const server = await startServer(t)
  const first = await server.push('lobby', { offer: PUBLISH, identity: 'ann' })
  const closed = once(first, 'closed')
  await t.throwsAsync(() => server.push('lobby', { offer: PUBLISH, identity: 'bob' }), { code: 'XRTC_STREAM_IN_USE' })
  const second = await server.push('lobby', { offer: PUBLISH, identity: 'ann' })
  t.is(((await closed) as [{ reason: string }])[0].reason, 'publisherReplaced')
  t.is(server.stream('lobby')?.publisher, second)
})

test('replace takes the stream from anybody', async (t) => {
  const server = await startServer(t)
  const first = await server.push('lobby', { offer: PUBLISH, identity: 'ann' })
  await server.push('lobby', { offer: PUBLISH, replace: true })
  t.is(first.closeReason, 'publisherReplaced')
})

const refusals: readonly (readonly [string, string, string])[] = [
  ['text that is no SDP', 'hello', 'XRTC_INVALID_DESCRIPTION'],
  ['an empty offer', '', 'XRTC_INVALID_DESCRIPTION'],
  ['a viewer’s offer', PLAY, 'XRTC_UNSUPPORTED_DESCRIPTION'],
]
for (const [what, offer, code] of refusals) {
  test(`push refuses ${what} and holds nothing of it`, async (t) => {
    const server = await startServer(t)
    const before = await server.held()
    await t.throwsAsync(() => server.push('lobby', { offer }), { instanceOf: NegotiationError, code })
    t.deepEqual(server.peers(), [])
    t.deepEqual(server.streams(), [])
    t.deepEqual(await server.held(), before)
  })
}

test('a viewer that cannot decode the live codec is told both lists', async (t) => {
  const server = await startServer(t)
  await server.push('lobby', { offer: offerOf('chromium-publish-av1') })
  const error = await t.throwsAsync(() => server.pull('lobby', { offer: offerOf('libdatachannel-play') }), {
    instanceOf: NegotiationError,
    code: 'XRTC_NO_COMMON_CODEC',
  })
  const { details } = error as NegotiationError
  t.regex(details['live'] ?? '', /AV1/)
  t.regex(details['offered'] ?? '', /VP8/)
  t.regex(details['offered'] ?? '', /H264/)
})

test('a wrong offer can be followed by a right one', async (t) => {
  const server = await startServer(t)
  const peer = server.peer({ push: 'lobby' })
  await t.throwsAsync(() => peer.setRemoteDescription({ type: 'offer', sdp: 'hello' }), {
    instanceOf: NegotiationError,
  })
  await peer.setRemoteDescription({ type: 'offer', sdp: PUBLISH })
  await peer.setLocalDescription()
  t.is(peer.signalingState, 'stable')
})

test('close tells why, once, and releases everything', async (t) => {
  const server = await startServer(t, { publisherGraceMs: 0 })
  const before = await server.held()
  const peer = await server.push('lobby', { offer: PUBLISH })
  t.notDeepEqual(await server.held(), before)
  const events: unknown[] = []
  peer.on('closed', (event) => events.push(event))
  const gone = once(server, 'streamremoved')
  const closing = peer.close('enough')
  t.is(peer.close('again'), closing)
  await closing
  await gone
  t.deepEqual(events, [{ reason: 'closed', detail: 'enough' }])
  t.is(peer.closeReason, 'closed')
  t.is(peer.connectionState, 'closed')
  t.is(peer.iceConnectionState, 'closed')
  t.is(peer.signalingState, 'closed')
  await t.throwsAsync(() => peer.createOffer(), { code: 'XRTC_CLOSED' })
  await heldBecomes(t, server, before)
})

for (const [how, reason, end] of [
  ['close', 'closed', (server) => server.peers()[0]!.close()],
  ['its stream’s close', 'streamClosed', (server) => server.stream('lobby')!.close()],
  ['its server’s close', 'serverClosed', (server) => server.close()],
  ['nobody who comes', 'iceTimeout', () => Promise.resolve()],
] as readonly (readonly [string, string, (server: MediaServer) => Promise<void>])[]) {
  test(`a peer that ends by ${how} is over in all it says, in every event`, async (t) => {
    const server = await startServer(t, { connectTimeoutMs: 1_000 })
    const peer = await server.push('lobby', { offer: PUBLISH })
    const seen: string[] = []
    const look = (event: string): void => {
      const { closed, closeReason, connectionState, iceConnectionState, dtlsState, signalingState } = peer
      const states = [connectionState, iceConnectionState, dtlsState, signalingState]
      t.deepEqual([closed, closeReason], [true, reason], event)
      t.deepEqual(states, ['closed', 'closed', 'closed', 'closed'], event)
      seen.push(event)
    }
    server.on('peerremoved', () => look('peerremoved'))
    peer.on('iceconnectionstatechange', (event) => event.iceConnectionState === 'closed' && look('ice'))
    peer.on('signalingstatechange', () => look('signaling'))
    peer.on('connectionstatechange', (event) => event.connectionState === 'closed' && look('connection'))
    const over = once(peer, 'closed')
    await end(server)
    await over
    t.deepEqual(seen, ['peerremoved', 'ice', 'signaling', 'connection'])
  })
}

test('a peer that never negotiated closes without the native side', async (t) => {
  const server = await startServer(t)
  const peer = server.peer({ pull: 'lobby' })
  const closed = once(peer, 'closed')
  await peer.close()
  t.deepEqual(await closed, [{ reason: 'closed', detail: '' }])
})

test('closing while it is being opened ends it', async (t) => {
  const server = await startServer(t, { publisherGraceMs: 0 })
  const peer = server.peer({ push: 'lobby' })
  const opening = peer.setRemoteDescription({ type: 'offer', sdp: PUBLISH })
  await Promise.all([peer.close(), t.throwsAsync(() => opening, { code: 'XRTC_CLOSED' })])
  t.deepEqual(server.peers(), [])
})

test('a stream closes its publisher and viewers', async (t) => {
  const server = await startServer(t, { workers: 2 })
  const peers: Peer[] = [await server.push('lobby', { offer: PUBLISH })]
  for (let count = 0; count < 4; count += 1) peers.push(await server.pull('lobby', { offer: PLAY }))
  const stream = server.stream('lobby')!
  const ended = Promise.all(peers.map((peer) => once(peer, 'closed')))
  const closing = stream.close('the end')
  t.is(stream.close(), closing)
  await closing
  await ended
  t.true(stream.closed)
  t.deepEqual(server.streams(), [])
  for (const { closeReason } of peers) t.is(closeReason, 'streamClosed')
})

test('a stream waits for its next publisher, and its viewers with it', async (t) => {
  const server = await startServer(t)
  const push = await server.push('lobby', { offer: PUBLISH })
  const pull = await server.pull('lobby', { offer: PLAY })
  const stream = server.stream('lobby')!
  t.is(stream.state, 'connecting')
  const waiting = once(stream, 'change')
  await push.close()
  t.deepEqual(await waiting, [{ state: 'waiting', publisher: undefined }])
  t.false(pull.closed)
  await server.push('lobby', { offer: PUBLISH })
  t.is(server.stream('lobby'), stream)
  t.is(stream.state, 'connecting')
  t.false(pull.closed)
})

test('viewers of a publisher that does not come back end with publisherGone', async (t) => {
  const server = await startServer(t, { publisherGraceMs: 50, workers: 2 })
  const push = await server.push('lobby', { offer: PUBLISH })
  const pulls = [await server.pull('lobby', { offer: PLAY }), await server.pull('lobby', { offer: PLAY })]
  const ended = Promise.all(pulls.map((pull) => once(pull, 'closed')))
  const removed = once(server, 'streamremoved')
  await push.close()
  await ended
  await removed
  for (const { closeReason } of pulls) t.is(closeReason, 'publisherGone')
})

test('an offer that nobody answers ends with answerTimeout', async (t) => {
  const server = await startServer(t, { answerTimeoutMs: 1_000 })
  const peer = await server.push('lobby')
  const [event] = (await once(peer, 'closed')) as [{ reason: string }]
  t.is(event.reason, 'answerTimeout')
})

test('a remote side that never comes ends with iceTimeout', async (t) => {
  const server = await startServer(t, { connectTimeoutMs: 1_000, publisherGraceMs: 0 })
  const before = await server.held()
  const peer = await server.push('lobby', { offer: PUBLISH })
  const [event] = (await once(peer, 'closed')) as [{ reason: string }]
  t.is(event.reason, 'iceTimeout')
  await heldBecomes(t, server, before)
})

test('a call that does not fit says why', async (t) => {
  const server = await startServer(t)
  const [push, pull] = [server.peer({ push: 'lobby' }), server.peer({ pull: 'lobby' })]
  const state = ' (the signaling state is stable)'
  for (const [call, message] of [
    [() => push.createAnswer(), `createAnswer does not fit: no offer was set${state}`],
    [
      () => push.setRemoteDescription({ type: 'answer', sdp: PUBLISH }),
      `setRemoteDescription does not fit: no offer of the server was set${state}`,
    ],
    [() => push.addIceCandidate(null), `addIceCandidate does not fit: there is no remote description${state}`],
    [() => push.addIceFragment(''), `addIceFragment does not fit: there is no remote description${state}`],
    [() => pull.setLayer(), `setLayer does not fit: there is no remote description${state}`],
  ] as const) {
    await t.throwsAsync(call, { instanceOf: InvalidStateError, message })
  }
})

test('an offer that is a description object is refused by its name', async (t) => {
  const server = await startServer(t)
  const offer = { type: 'offer', sdp: PUBLISH } as unknown as string
  const refused = { code: 'XRTC_INVALID_ARGUMENT', message: 'offer is a string, the SDP' }
  await t.throwsAsync(() => server.push('lobby', { offer }), refused)
  await t.throwsAsync(() => server.pull('lobby', { offer }), refused)
})

test('candidates are taken, and those that cannot be used are left out', async (t) => {
  const server = await startServer(t)
  const peer = await server.push('lobby', { offer: PUBLISH })
  const candidate = 'candidate:1 1 udp 2130706431 192.0.2.9 50000 typ host'
  await t.notThrowsAsync(() => peer.addIceCandidate({ candidate, sdpMid: '0', sdpMLineIndex: 0 }))
  await t.notThrowsAsync(() => peer.addIceCandidate({ candidate: candidate.replace('192.0.2.9', 'x.local') }))
  await t.notThrowsAsync(() => peer.addIceCandidate(null))
  await t.notThrowsAsync(() => peer.addIceCandidate({}))
  for (const wrong of [candidate, 7, { candidate: 7 }]) {
    await t.throwsAsync(() => peer.addIceCandidate(wrong as object), {
      instanceOf: InvalidArgumentError,
      message: /^(?:a candidate is an object|candidate is a string)/,
    })
  }
  t.is(await peer.addIceFragment(fragment(PUBLISH, { candidates: [candidate] })), undefined)
  await t.throwsAsync(() => peer.addIceFragment('nonsense'), { code: 'XRTC_INVALID_FRAGMENT' })
})

test('other credentials restart ICE', async (t) => {
  const server = await startServer(t)
  const peer = await server.push('lobby', { offer: PUBLISH })
  const [session, ufrag] = [peer.iceSession, ufragOf(peer)]
  const restart = fragment(PUBLISH, { ufrag: 'abcd', pwd: 'abcdefghijklmnopqrstuvwx' })
  const reply = await peer.addIceFragment(restart)
  t.regex(reply ?? '', /a=ice-ufrag:\S+\r\n[^]*a=candidate:/)
  t.not(peer.iceSession, session)
  t.not(ufragOf(peer), ufrag)
  t.true(reply?.includes(`a=ice-ufrag:${ufragOf(peer)}\r\n`))
  t.regex(peer.remoteDescription?.sdp ?? '', /a=ice-ufrag:abcd\r\n/)
  t.is(await peer.addIceFragment(restart), undefined)
})

test('a later offer restarts ICE and does nothing else', async (t) => {
  const server = await startServer(t)
  const peer = await server.push('lobby', { offer: PUBLISH })
  const ufrag = ufragOf(peer)
  const sdp = PUBLISH.replaceAll(/a=ice-ufrag:\S+/g, 'a=ice-ufrag:efgh').replaceAll(
    /a=ice-pwd:\S+/g,
    'a=ice-pwd:abcdefghijklmnopqrstuvwx',
  )
  await peer.setRemoteDescription({ type: 'offer', sdp })
  const answer = await peer.createAnswer()
  await peer.setLocalDescription(answer)
  t.not(ufragOf(peer), ufrag)
  t.is(peer.signalingState, 'stable')
  await t.throwsAsync(() => peer.setRemoteDescription({ type: 'offer', sdp: offerOf('chromium-publish-av1') }), {
    code: 'XRTC_UNSUPPORTED_DESCRIPTION',
  })
})

test('statistics are a Map by id with the types of RTCStats', async (t) => {
  const server = await startServer(t)
  const push = await server.push('lobby', { offer: PUBLISH })
  const report = await push.getStats()
  t.true(report instanceof Map)
  for (const [id, entry] of report) {
    t.is(entry.id, id)
    t.true(Math.abs(entry.timestamp - Date.now()) < 60_000, `${entry.type}: ${entry.timestamp}`)
  }
  const transport = [...report.values()].find((entry) => entry.type === 'transport')
  t.is(transport?.dtlsState, 'new')
})

for (const [what, ice, offer, role] of [
  ['a lite one is controlled, also where it offers', 'lite', undefined, 'controlled'],
  ['a full one that offers is controlling', 'full', undefined, 'controlling'],
  ['a full one that answers is controlled', 'full', PUBLISH, 'controlled'],
] as const) {
  test(`statistics tell the role of the server's part of ICE: ${what}`, async (t) => {
    const server = await startServer(t)
    const push = await server.push('lobby', { ice, ...(offer === undefined ? {} : { offer }) })
    const transport = [...(await push.getStats()).values()].find((entry) => entry.type === 'transport')
    t.is(transport?.iceRole, role)
  })
}

for (const client of ['chromium-publish', 'firefox-publish', 'obs-publish-simulcast', 'ffmpeg-publish']) {
  test(`the offer of ${client} is answered`, async (t) => {
    const server = await startServer(t)
    const { localDescription } = await server.push('lobby', { offer: offerOf(client) })
    const mids = (sdp: string): unknown => sdp.match(/^a=mid:\S+/gm)
    t.deepEqual(mids(localDescription?.sdp ?? ''), mids(offerOf(client)))
  })
}

for (const client of ['chromium-play', 'firefox-play', 'libdatachannel-play', 'whepsrc-play']) {
  test(`the offer of ${client} is answered`, async (t) => {
    const server = await startServer(t)
    await server.push('lobby', { offer: PUBLISH })
    const { localDescription } = await server.pull('lobby', { offer: offerOf(client) })
    t.regex(localDescription?.sdp ?? '', /VP8\/90000/)
  })
}

function ufragOf(peer: Peer): string | undefined {
  return /a=ice-ufrag:(\S+)/.exec(peer.localDescription?.sdp ?? '')?.[1]
}

// A farewell may still be on its way out for a moment.
async function heldBecomes(
  t: { deepEqual(a: unknown, b: unknown): void },
  server: MediaServer,
  wanted: Awaited<ReturnType<MediaServer['held']>>,
): Promise<void> {
  const until = performance.now() + 2_000
  let held = await server.held()
  while (JSON.stringify(held) !== JSON.stringify(wanted) && performance.now() < until) held = await server.held()
  t.deepEqual(held, wanted)
}

test('descriptions are the same before and after a peer is connected', async (t) => {
  const [server, other] = [await startServer(t), await startServer(t)]
  await server.push('lobby', { offer: offerOf('chromium-publish-vp8') })
  const pull = await server.pull('lobby', { ice: 'full' })
  const push = await other.push('copy', { offer: pull.localDescription!.sdp })
  await pull.setRemoteDescription(push.localDescription!)
  const descriptions = (): unknown => [pull, push].map((peer) => [peer.localDescription, peer.remoteDescription])
  const before = descriptions()
  await until(() => pull.connectionState === 'connected' && push.connectionState === 'connected')
  t.deepEqual(descriptions(), before)
  t.deepEqual(pull.localDescription, { type: 'offer', sdp: push.remoteDescription!.sdp })
})
