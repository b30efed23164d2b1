// How remote streams begin, wait and end.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import test from 'ava'
import { ClosedError, InvalidArgumentError } from 'xrtc'
import { startServer, until } from '../harness.ts'
import { startFar } from './far.ts'
import { startForeign } from './foreign.ts'

test('wrong arguments are told at once', async (t) => {
  const server = await startServer(t)
  const url = 'http://127.0.0.1:1/whep/x'
  const wrong: (() => unknown)[] = [
    () => server.pullFrom('nonsense', 'x'),
    () => server.pullFrom('file:///etc/passwd', 'x'),
    () => server.pullFrom('http://user:secret@127.0.0.1/', 'x'),
    () => server.pullFrom(url, '../x'),
    () => server.pullFrom(url, 'x', { retryMinMs: 0 }),
    () => server.pullFrom(url, 'x', { retryMinMs: 10, retryMaxMs: 5 }),
    () => server.pullFrom(url, 'x', { headers: { Authorization: 'x' } }),
    () => server.pullFrom(url, 'x', { trustedOrigins: ['edge'] }),
    () => server.pullFrom(url, 'x', { token: 1 as unknown as string }),
    () => server.pushTo('x', url, { replace: true } as object),
    () => server.pushTo('x', url, { tokens: 'x' } as object),
  ]
  for (const call of wrong) t.throws(call, { instanceOf: InvalidArgumentError }, String(call))
  t.deepEqual(server.remoteStreams(), [])
})

test('close ends an attempt that is under way, and a wait', async (t) => {
  const server = await startServer(t)
  const idle = await server.held()
  const far = await startFar(t, () => undefined)
  const remote = server.pullFrom(`${far.url}/whep/x`, 'lobby')
  const connected = t.throwsAsync(remote.connected(), { instanceOf: ClosedError })
  await until(() => far.asked.length === 1)
  t.deepEqual(server.remoteStreams(), [remote])
  const closed = once(remote, 'closed')
  const closing = remote.close('enough')
  t.is(remote.close(), closing)
  await closing
  t.deepEqual(await closed, [{ reason: 'enough', error: undefined }])
  await connected
  t.deepEqual(await server.held(), idle)
  const waiting = server.pullFrom('http://127.0.0.1:9/whep/x', 'lobby', { retryMinMs: 600_000, retryMaxMs: 600_000 })
  await until(() => waiting.state === 'waiting')
  t.is((waiting.lastError as { code?: string }).code, 'XRTC_REMOTE_UNREACHABLE')
  await waiting.close()
  t.is(waiting.state, 'closed')
  t.deepEqual(await server.held(), idle)
})

test('an AbortSignal closes it, also one that was aborted before', async (t) => {
  const server = await startServer(t)
  const far = await startFar(t, () => undefined)
  const controller = new AbortController()
  for (let round = 0; round < 2; round += 1) {
    const remote = server.pullFrom(`${far.url}/whep/x`, 'lobby', { signal: controller.signal })
    const closed = once(remote, 'closed')
    if (round === 0) {
      await until(() => far.asked.length === 1)
      controller.abort()
    }
    const [event] = (await closed) as [{ reason: string }]
    t.is(event.reason, 'aborted')
  }
  t.is(far.asked.length, 1)
})

test('a token that cannot be had now is asked for again', async (t) => {
  const far = await startFar(t, () => ({ status: 401 }))
  const server = await startServer(t)
  let calls = 0
  const token = async (): Promise<string> => {
    calls += 1
    if (calls === 1) throw new Error('no token today')
    return 'secret'
  }
  const remote = server.pullFrom(`${far.url}/whep/x`, 'lobby', { token, retryMinMs: 10 })
  const reasons: (string | undefined)[] = []
  remote.on('statechange', ({ reason }) => reasons.push(reason))
  await t.throwsAsync(remote.connected(), { code: 'XRTC_REMOTE_UNAUTHORIZED' })
  t.is(reasons[0], 'tokenFailed')
  t.is(far.asked[0]?.headers.authorization, 'Bearer secret')
})

test('what is to be sent waits for its stream and goes as soon as that is live', async (t) => {
  const foreign = await startForeign(t)
  const server = await startServer(t)
  const push = server.pushTo('lobby', `${foreign.url}/whip/y`, { retryMinMs: 600_000, retryMaxMs: 600_000 })
  const [event] = (await once(push, 'statechange')) as [{ state: string; reason: string }]
  t.deepEqual([event.state, event.reason], ['waiting', 'XRTC_UNKNOWN_STREAM'])
  server.pullFrom(`${foreign.url}/whep/x`, 'lobby')
  await push.connected()
  await until(async () => (await foreign.figures()).frames >= 10)
  t.is((await foreign.figures()).broken, 0)
})

test('a stream that somebody publishes is waited for, or replaced where that is asked', async (t) => {
  const foreign = await startForeign(t)
  const server = await startServer(t)
  const first = server.pullFrom(`${foreign.url}/whep/x`, 'lobby', { retryMinMs: 600_000, retryMaxMs: 600_000 })
  await first.connected()
  await until(() => server.stream('lobby')?.live === true)
  const second = server.pullFrom(`${foreign.url}/whep/x`, 'lobby', { maxRetries: 0 })
  await t.throwsAsync(second.connected(), { code: 'XRTC_STREAM_IN_USE' })
  const third = server.pullFrom(`${foreign.url}/whep/x`, 'lobby', { replace: true })
  await third.connected()
  await until(() => first.state === 'waiting')
  t.is(server.stream('lobby')?.publisher?.id, third.peer?.id)
})

test('the end of the stream here is the end of what feeds it, and the other server is told', async (t) => {
  const foreign = await startForeign(t)
  const server = await startServer(t)
  const pull = server.pullFrom(`${foreign.url}/whep/x`, 'lobby')
  await pull.connected()
  const closed = once(pull, 'closed')
  await server.stream('lobby')?.close()
  const [event] = (await closed) as [{ reason: string }]
  t.is(event.reason, 'streamClosed')
  t.is((await foreign.figures()).ended, 1)
})

test('the end of the server is told to the others', async (t) => {
  const foreign = await startForeign(t)
  const server = await startServer(t)
  const pull = server.pullFrom(`${foreign.url}/whep/x`, 'lobby')
  await pull.connected()
  await server.close()
  t.is(pull.closeReason, 'serverClosed')
  t.is((await foreign.figures()).ended, 1)
  t.throws(() => server.pullFrom(`${foreign.url}/whep/x`, 'lobby'), { instanceOf: ClosedError })
})

test('a peer with full ICE offers what a STUN server has seen', async (t) => {
  const stun = createSocket('udp4')
  t.teardown(() => stun.close())
  stun.on('message', (request, { address, port }) => {
    const value = Buffer.from([
      0,
      1,
      (4000 ^ 0x2112) >> 8,
      (4000 ^ 0x2112) & 255,
      198 ^ 0x21,
      51 ^ 0x12,
      100 ^ 0xa4,
      7 ^ 0x42,
    ])
    const head = Buffer.from([0x01, 0x01, 0, 12])
    stun.send(Buffer.concat([head, request.subarray(4, 20), Buffer.from([0, 0x20, 0, 8]), value]), port, address)
  })
  stun.bind(0, '127.0.0.1')
  await once(stun, 'listening')
  const server = await startServer(t, { iceServers: [{ urls: `stun:localhost:${stun.address().port}` }] })
  const [full, lite] = [server.peer({ push: 'a', ice: 'full' }), server.peer({ push: 'b' })]
  t.regex((await full.createOffer()).sdp, / 198\.51\.100\.7 4000 typ srflx raddr 0\.0\.0\.0 rport 0\r\n/)
  t.notRegex((await lite.createOffer()).sdp, /srflx/)
  const unknown = { iceServers: [{ urls: 'stun:nobody.invalid' }] }
  await t.throwsAsync(startServer(t, unknown), { code: 'XRTC_UNRESOLVED_ADDRESS' })
  await t.throwsAsync(startServer(t, { iceServers: [{ urls: 'a.example' }] }), { code: 'XRTC_INVALID_ARGUMENT' })
})

test('functions that never give anything hold nothing up', async (t) => {
  const server = await startServer(t)
  const idle = await server.held()
  const never = (): Promise<never> => new Promise(() => undefined)
  const url = 'http://127.0.0.1:9/whep/x'
  const once = { requestTimeoutMs: 50, maxRetries: 0 }
  const byToken = server.pullFrom(url, 'a', { ...once, token: never })
  await t.throwsAsync(byToken.connected(), { message: 'the function token gave nothing within 50 ms' })
  const byServers = server.pullFrom(url, 'b', { ...once, iceServers: never })
  await t.throwsAsync(byServers.connected(), { code: 'XRTC_NO_RELAY', message: /iceServers gave nothing within 50 ms/ })
  // Closing does not wait for them at all.
  const closed = [
    server.pullFrom(url, 'c', { token: never }),
    server.pullFrom(url, 'd', { iceServers: never, signal: AbortSignal.abort() }),
  ]
  await Promise.all(closed.map((remote) => remote.close()))
  await until(async () => JSON.stringify(await server.held()) === JSON.stringify(idle))
  t.deepEqual(
    closed.map(({ state }) => state),
    ['closed', 'closed'],
  )
})
