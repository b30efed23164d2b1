// Between this server and one of another make (Pion), both ways.

import test from 'ava'
import type { ExecutionContext } from 'ava'
import { freePort, startForeign } from './foreign.ts'
import { listen, startServer, until } from '../harness.ts'

for (const flags of [[], ['-lite']]) {
  const kind = flags.length > 0 ? 'an ICE-lite server' : 'a server with full ICE'

  test(`a stream of ${kind} goes through this one and back: every picture is intact`, async (t) => {
    const foreign = await startForeign(t, flags)
    const server = await startServer(t)
    const pull = server.pullFrom(`${foreign.url}/whep/x`, 'lobby', { token: 'secret' })
    await pull.connected()
    t.is(pull.state, 'connected')
    t.deepEqual(pull.iceServers, [{ urls: 'stun:stun.example:3478' }])
    const push = server.pushTo('lobby', `${foreign.url}/whip/y`, { token: async () => 'other' })
    await push.connected()
    await until(async () => (await foreign.figures()).frames >= 60)
    const figures = await foreign.figures()
    t.is(figures.broken, 0)
    t.true(figures.keyFrames >= 1 && figures.audio > 50, JSON.stringify(figures))
    t.is(figures.authorization, 'Bearer other')
    const types = [...(await pull.getStats()).values()].map(({ type }) => type)
    t.true(types.includes('inbound-rtp'), types.join())
    await Promise.all([push.close(), pull.close()])
    t.is((await foreign.figures()).ended, 2, 'both sessions were deleted')
    t.deepEqual([pull.state, pull.closeReason, push.peer], ['closed', 'closed', undefined])
  })
}

test('several streams of one server come from its one port, each whole', async (t) => {
  const foreign = await startForeign(t)
  const server = await startServer(t)
  const pulls = ['a', 'b', 'c'].map((name) => server.pullFrom(`${foreign.url}/whep/x`, name))
  await Promise.all(pulls.map((pull) => pull.connected()))
  const pushes = ['a', 'b', 'c'].map((name) => server.pushTo(name, `${foreign.url}/whip/${name}`))
  await Promise.all(pushes.map((push) => push.connected()))
  await until(async () => (await foreign.figures()).frames >= 180)
  t.is((await foreign.figures()).broken, 0)
})

test('after the other server was killed and came back the picture comes back by itself, for viewers too', async (t) => {
  const [http, udp] = [await freePort(), await freePort()]
  const flags = ['-listen', `127.0.0.1:${http}`, '-udp', `127.0.0.1:${udp}`]
  const first = await startForeign(t, flags)
  const far = await startForeign(t)
  const server = await startServer(t)
  const pull = server.pullFrom(`${first.url}/whep/x`, 'lobby', { retryMaxMs: 1_000 })
  await pull.connected()
  const push = server.pushTo('lobby', `${far.url}/whip/y`)
  await push.connected()
  const session = push.peer
  await until(async () => (await far.figures()).frames >= 30)

  await first.kill()
  const losses: (string | undefined)[] = []
  pull.on('statechange', ({ state, reason }) => {
    if (state === 'waiting') losses.push(reason)
  })
  await until(() => pull.state === 'waiting')
  t.true(pull.nextAttemptAt instanceof Date)
  const before = await far.figures()
  await startForeign(t, flags)
  await until(() => pull.state === 'connected')
  await until(async () => (await far.figures()).frames >= before.frames + 60)
  const after = await far.figures()
  t.is(after.broken, 0)
  t.is(push.peer, session, 'the viewer kept its session')
  t.is(after.sessions, 1)
  t.is(losses[0], 'silent')
  t.true(
    losses.slice(1).every((reason) => reason === 'XRTC_REMOTE_UNREACHABLE'),
    losses.join(),
  )
})

test('after the target was killed and came back the stream is sent to it again', async (t) => {
  const [http, udp] = [await freePort(), await freePort()]
  const flags = ['-listen', `127.0.0.1:${http}`, '-udp', `127.0.0.1:${udp}`]
  const source = await startForeign(t)
  const first = await startForeign(t, flags)
  const server = await startServer(t)
  await server.pullFrom(`${source.url}/whep/x`, 'lobby').connected()
  const push = server.pushTo('lobby', `${first.url}/whip/y`, { retryMaxMs: 1_000 })
  await push.connected()
  await until(async () => (await first.figures()).frames >= 30)
  await first.kill()
  await until(() => push.state === 'waiting')
  const second = await startForeign(t, flags)
  await until(async () => (await second.figures()).frames >= 30)
  t.is((await second.figures()).broken, 0)
})

for (const ice of ['lite', 'full'] as const) {
  test(
    `a stream that goes over three servers, the first with ${ice} ICE, is intact and leaves nothing behind`,
    overThree,
    ice,
  )
}

async function overThree(t: ExecutionContext, ice: 'lite' | 'full'): Promise<void> {
  const foreign = await startForeign(t)
  const [origin, edge] = [await startServer(t, { ice }), await startServer(t)]
  const idle = [await origin.held(), await edge.held()]
  const url = await listen(t, origin.signaling().listener)
  const pull = origin.pullFrom(`${foreign.url}/whep/x`, 'lobby')
  await pull.connected()
  const relay = edge.pullFrom(`${url}/whep/lobby`, 'mirror')
  await relay.connected()
  const push = edge.pushTo('mirror', `${foreign.url}/whip/y`)
  await push.connected()
  await until(async () => (await foreign.figures()).frames >= 60)
  t.is((await foreign.figures()).broken, 0)
  await Promise.all([pull.close(), relay.close(), push.close()])
  await Promise.all([origin.stream('lobby')?.close(), edge.stream('mirror')?.close()])
  t.deepEqual([await origin.held(), await edge.held()], idle)
}

test('a stream that is pushed from one server to the next is intact', async (t) => {
  const foreign = await startForeign(t)
  const [studio, ingest] = [await startServer(t), await startServer(t)]
  const url = await listen(t, ingest.signaling({ authorize: ({ token }) => token === 'secret' }).listener)
  await studio.pullFrom(`${foreign.url}/whep/x`, 'lobby').connected()
  const push = studio.pushTo('lobby', `${url}/whip/lobby`, { token: 'secret' })
  await push.connected()
  const out = ingest.pushTo('lobby', `${foreign.url}/whip/y`)
  await out.connected()
  await until(async () => (await foreign.figures()).frames >= 60)
  t.is((await foreign.figures()).broken, 0)
  await push.close()
  await until(() => ingest.stream('lobby')?.state === 'waiting')
  const wrong = studio.pushTo('lobby', `${url}/whip/lobby`, { token: 'other' })
  await t.throwsAsync(wrong.connected(), { code: 'XRTC_REMOTE_UNAUTHORIZED' })
})
