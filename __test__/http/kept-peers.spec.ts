// Peers that came by HTTP: there is no object of them until the app asks, and then it is as if it had been there before.

import { once } from 'node:events'
import { queryObjects } from 'node:v8'
import test from 'ava'
import type { MediaServer, Peer } from 'xrtc'
import { fragment, listen, offerOf, open, patch, post, startServer, startSite, until } from '../harness.ts'

const PUBLISH = offerOf('chromium-publish-vp8')
const PLAY = offerOf('chromium-play')
const NEW = { ufrag: 'abcd', pwd: 'abcdefghijklmnopqrstuvwx' }

// How many objects of viewers there are in this process.
function viewerObjects(sample: Peer): number {
  return queryObjects(sample.constructor, { format: 'count' })
}

test.serial('viewers that came by HTTP are objects from when the app asks for them', async (t) => {
  const { server, url } = await startSite(t)
  await server.push('lobby', { offer: PUBLISH })
  const sample = server.peer({ pull: 'lobby' })
  const before = viewerObjects(sample)
  const sessions = await Promise.all(Array.from({ length: 20 }, () => open(`${url}/whep/lobby`, PLAY)))
  for (const { session, etag } of sessions) {
    t.is((await patch(session, fragment(PLAY), { 'If-Match': etag })).status, 204)
    t.is((await fetch(session)).status, 204)
  }
  t.is(server.stream('lobby')!.viewerCount, 20)
  t.is(viewerObjects(sample), before)
  t.is(server.stream('lobby')!.viewers.length, 20)
  t.is(viewerObjects(sample), before + 20)
  for (const { session } of sessions) t.is((await fetch(session, { method: 'DELETE' })).status, 200)
  t.is(server.stream('lobby')!.viewerCount, 0)
})

test.serial('webhooks make objects of viewers only for the events that tell of them', async (t) => {
  const { server, url } = await startSite(t)
  const sample = server.peer({ pull: 'lobby' })
  const before = viewerObjects(sample)
  const where = {
    url: await listen(t, (_, response) => response.end()),
    secret: 'a secret of twenty-four bytes, or more',
  }
  server.webhooks({
    ...where,
    events: ['stream.added', 'stream.live', 'stream.waiting', 'stream.removed', 'peer.removed'],
  })
  await open(`${url}/whip/lobby`, PUBLISH)
  for (let count = 0; count < 5; count += 1) await open(`${url}/whep/lobby`, PLAY)
  t.is(viewerObjects(sample), before)
  server.webhooks({ ...where, events: ['peer.connected'] })
  t.is(viewerObjects(sample), before + 5)
  await open(`${url}/whep/lobby`, PLAY)
  t.is(viewerObjects(sample), before + 6)
})

test('the object of such a peer has its descriptions, and is the same each time', async (t) => {
  const { server, url } = await startSite(t)
  const published = await open(`${url}/whip/lobby?uid=me`, PUBLISH)
  const { answer, etag } = await open(`${url}/whep/lobby`, PLAY)
  const stream = server.stream('lobby')!
  const [viewer] = stream.viewers
  t.is(viewer!.id, 'pull-2')
  t.is(viewer!.action, 'pull')
  t.is(viewer!.streamName, 'lobby')
  t.is(viewer!.signalingState, 'stable')
  t.deepEqual(viewer!.localDescription, { type: 'answer', sdp: answer })
  t.deepEqual(viewer!.remoteDescription, { type: 'offer', sdp: PLAY })
  t.is(`"${viewer!.iceSession}"`, etag)
  t.is(stream.publisher!.id, 'push-1')
  t.is(stream.publisher!.identity, 'uid:me')
  t.is(stream.publisher!.localDescription!.sdp, published.answer)
  t.deepEqual(server.peers(), [stream.publisher!, viewer!])
  t.true((await viewer!.getStats()).size > 0)
})

test('its states are those of now, and events come from now on', async (t) => {
  const [server, far] = [await startServer(t), await startSite(t)]
  await server.push('lobby', { offer: PUBLISH })
  const sender = await server.pull('lobby', { ice: 'full' })
  const { answer, session } = await open(`${far.url}/whip/copy`, sender.localDescription!.sdp)
  await sender.setRemoteDescription({ type: 'answer', sdp: answer })
  await until(() => sender.connectionState === 'connected')
  // What the far server's worker has told by now is drained before the reply.
  await far.server.held()
  const publisher = far.server.stream('copy')!.publisher!
  t.deepEqual(
    [publisher.connectionState, publisher.iceConnectionState, publisher.dtlsState],
    ['connected', 'connected', 'connected'],
  )
  const told = once(publisher, 'closed')
  t.is((await fetch(session, { method: 'DELETE' })).status, 200)
  t.deepEqual(await told, [{ reason: 'closed', detail: 'deleted by the client' }])
  t.is(publisher.connectionState, 'closed')
})

test('peeradded and peerremoved tell of it with an object', async (t) => {
  const { server, url } = await startSite(t)
  const added: Peer[] = []
  server.on('peeradded', ({ peer }) => added.push(peer))
  const { session, answer } = await open(`${url}/whip/lobby`, PUBLISH)
  t.is(added.length, 1)
  t.is(added[0]!.localDescription!.sdp, answer)
  const removed = once(server, 'peerremoved')
  await fetch(session, { method: 'DELETE' })
  t.deepEqual(await removed, [{ peer: added[0], reason: 'closed' }])
})

test('peerremoved tells of a peer that nobody had asked for, which is closed', async (t) => {
  const { server, url } = await startSite(t)
  const { session, answer } = await open(`${url}/whip/lobby`, PUBLISH)
  const removed = once(server, 'peerremoved') as Promise<[{ peer: Peer; reason: string }]>
  await fetch(session, { method: 'DELETE' })
  const [{ peer, reason }] = await removed
  t.is(reason, 'closed')
  t.is(peer.closeReason, 'closed')
  t.is(peer.connectionState, 'closed')
  t.is(peer.localDescription!.sdp, answer)
  await peer.close()
})

test('an ICE restart by PATCH is in the descriptions that are asked for later', async (t) => {
  const { server, url } = await startSite(t)
  const { session, etag } = await open(`${url}/whip/lobby`, PUBLISH)
  const response = await patch(session, fragment(PUBLISH, NEW), { 'If-Match': etag })
  t.is(response.status, 200)
  const [peer] = server.peers()
  t.is(response.headers.get('etag'), `"${peer!.iceSession}"`)
  t.true(peer!.remoteDescription!.sdp.includes(`a=ice-ufrag:${NEW.ufrag}\r\n`))
  t.true(peer!.localDescription!.sdp.includes(`a=ice-ufrag:${peer!.iceSession}\r\n`))
  const late = await patch(session, fragment(PUBLISH), { 'If-Match': '*' })
  t.is(late.status, 412)
})

test('whoever asks for it while it is being deleted finds it closing', async (t) => {
  const { server, signaling, url } = await startSite(t)
  const { session } = await open(`${url}/whip/lobby`, PUBLISH)
  const gone = signaling.fetch(new Request(session, { method: 'DELETE' }))
  // The worker's word that it is over comes with a later turn of the event loop.
  for (let step = 0; step < 100; step += 1) await Promise.resolve()
  const [peer] = server.peers()
  t.false(peer!.closed)
  await t.throwsAsync(() => peer!.createOffer(), { code: 'XRTC_CLOSED' })
  await peer!.close()
  t.true(peer!.closed)
  t.is((await gone).status, 200)
  t.deepEqual(server.peers(), [])
})

for (const listens of [true, false]) {
  const hearing = listens ? 'nobody who listens hears of it' : 'without listeners'
  test(`a viewer whose stream ends while its offer is answered was never there: ${hearing}`, async (t) => {
    const { server, signaling, url } = await startSite(t, { rateLimit: false })
    const before = await server.held()
    const told: string[] = []
    if (listens) {
      server.on('peeradded', ({ peer }) => told.push(`added ${peer.id} ${peer.closeReason ?? ''}`))
      server.on('peerremoved', ({ peer, reason }) => told.push(`removed ${peer.id} ${reason}`))
    }
    const statuses: number[] = []
    // How many turns of the event loop it takes until the worker has the offer is not ours to know.
    for (let turns = 0; turns < 8; turns += 1) {
      await open(`${url}/whip/lobby`, PUBLISH)
      const joining = signaling.fetch(
        new Request(`${url}/whep/lobby`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/sdp' },
          body: PLAY,
        }),
      )
      for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve))
      const closing = server.stream('lobby')!.close()
      // The answer and the end then come in one turn.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
      await closing
      const { status } = await joining
      statuses.push(status)
      await until(async () => JSON.stringify(await server.held()) === JSON.stringify(before))
      t.deepEqual(server.peers(), [])
    }
    t.true(statuses.includes(503), `answered: ${statuses}`)
    const count = (word: string): number => told.filter((line) => line.startsWith(word)).length
    t.is(count('added'), listens ? 8 + statuses.filter((status) => status === 201).length : 0)
    t.is(count('removed'), count('added'))
    t.deepEqual(
      told.filter((line) => /^added \S+ \S/.test(line)),
      [],
    )
  })
}

test('publishers that replace one another while they are answered are told of in pairs, or not at all', async (t) => {
  const { server, url } = await startSite(t, { rateLimit: false })
  const before = await server.held()
  const told: string[] = []
  server.on('peeradded', ({ peer }) => told.push(`added ${peer.id} ${peer.closeReason ?? ''}`))
  server.on('peerremoved', ({ peer }) => told.push(`removed ${peer.id} `))
  for (let round = 0; round < 10; round += 1) {
    const joining = Array.from({ length: 6 }, () => post(`${url}/whip/lobby?uid=me`, PUBLISH))
    setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 40), 2 + (round % 6))
    for (const { status } of await Promise.all(joining)) t.true(status === 201 || status === 503, String(status))
  }
  await until(() => server.peers().length === 1)
  t.is(server.peers()[0], server.stream('lobby')!.publisher)
  await server.stream('lobby')!.close()
  await until(async () => JSON.stringify(await server.held()) === JSON.stringify(before))
  const added = told.filter((line) => line.startsWith('added'))
  t.deepEqual(
    added.toSorted(),
    told
      .filter((line) => line.startsWith('removed'))
      .map((line) => line.replace('removed', 'added'))
      .toSorted(),
  )
})

test('a refused offer, an ended server and an ended stream leave nothing of it', async (t) => {
  const { server, url } = await startSite(t, {}, { publisherGraceMs: 0 })
  const before = await server.held()
  t.is((await post(`${url}/whep/nobody`, PLAY)).status, 409)
  t.deepEqual(await server.held(), before)
  await open(`${url}/whip/lobby`, PUBLISH)
  await open(`${url}/whep/lobby`, PLAY)
  await server.stream('lobby')!.close()
  await becomes(server, before)
  await open(`${url}/whip/lobby`, PUBLISH)
  await open(`${url}/whep/lobby`, PLAY)
  await server.close()
  t.deepEqual(server.peers(), [])

  async function becomes(of: MediaServer, wanted: object): Promise<void> {
    await until(async () => JSON.stringify(await of.held()) === JSON.stringify(wanted))
  }
})
