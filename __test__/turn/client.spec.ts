// The server as a client of TURN servers: coturn's, and another server's own.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { InvalidArgumentError, NetworkError } from 'xrtc'
import type { CandidateStats, IceServer, MediaServer, PeerStatsReport, RemoteStream, RemoteStreamOptions } from 'xrtc'
import { startServer, startSite, until } from '../harness.ts'
import { startForeign } from '../remote/foreign.ts'
import { startTurnServer } from './turnserver.ts'

const NEW = /: new, realm=<xrtc>, username=<ann>/
const GIVEN_BACK = /refreshed, .*lifetime=0$/

/** By a TURN server and no other way. */
const by = (iceServer: IceServer): RemoteStreamOptions => ({ iceServers: [iceServer], iceTransportPolicy: 'relay' })

function localCandidate(stats: PeerStatsReport): CandidateStats | undefined {
  return [...stats.values()].find((record): record is CandidateStats => record.type === 'local-candidate')
}

async function checkRelayed(t: ExecutionContext, remote: RemoteStream, { urls }: IceServer): Promise<void> {
  const candidate = localCandidate(await remote.getStats())
  t.is(candidate?.candidateType, 'relay')
  t.is(candidate?.relayProtocol, 'udp')
  t.is(candidate?.url, urls as string)
}

async function leavesNothing(server: MediaServer, idle: unknown): Promise<void> {
  await until(async () => JSON.stringify(await server.held()) === JSON.stringify(idle))
}

test('streams come and go by coturn alone, every picture intact, and what was allocated is given back', async (t) => {
  const [coturn, foreign] = await Promise.all([startTurnServer(t), startForeign(t)])
  const server = await startServer(t)
  const idle = await server.held()
  const pull = server.pullFrom(`${foreign.url}/whep/x`, 'lobby', by(coturn.iceServer))
  await pull.connected()
  const push = server.pushTo('lobby', `${foreign.url}/whip/y`, by(coturn.iceServer))
  await push.connected()
  await until(async () => (await foreign.figures()).frames >= 60)
  const figures = await foreign.figures()
  t.is(figures.broken, 0)
  t.true(figures.keyFrames >= 1 && figures.audio > 50, JSON.stringify(figures))
  for (const remote of [pull, push]) {
    await checkRelayed(t, remote, coturn.iceServer)
    const candidates = remote.peer?.localDescription?.sdp.match(/^a=candidate:.*$/gm) ?? []
    t.true(candidates.length > 0)
    t.true(candidates.every((line) => line.includes(' typ relay raddr 0.0.0.0 rport 0')))
  }
  t.is(coturn.count(NEW), 2, coturn.log())
  t.true(coturn.count(/CHANNEL_BIND processed, success/) >= 2)
  t.is((await server.held()).relayedAddresses, 2)
  await Promise.all([push.close(), pull.close()])
  await until(() => coturn.count(GIVEN_BACK) === 2)
  await server.stream('lobby')?.close()
  await leavesNothing(server, idle)
})

test('a server that closes gives back what its peers have', async (t) => {
  const [coturn, foreign] = await Promise.all([startTurnServer(t), startForeign(t)])
  const server = await startServer(t, by(coturn.iceServer) as { iceServers: IceServer[] })
  const pull = server.pullFrom(`${foreign.url}/whep/x`, 'lobby')
  await pull.connected()
  await checkRelayed(t, pull, coturn.iceServer)
  await server.close()
  await until(() => coturn.count(GIVEN_BACK) === 1)
})

test('one server comes to another by the TURN server that this one has', async (t) => {
  const foreign = await startForeign(t)
  const { server: origin, url } = await startSite(t, {}, { turn: { port: 0, host: '127.0.0.1' } })
  await origin.pullFrom(`${foreign.url}/whep/x`, 'lobby').connected()
  await until(() => origin.stream('lobby')?.live === true)
  const edge = await startServer(t)
  const idle = await edge.held()
  let asked = 0
  const iceServers = (): readonly IceServer[] => {
    asked += 1
    return origin.iceServers({ identity: 'edge' })
  }
  const pull = edge.pullFrom(`${url}/whep/lobby`, 'lobby', { iceServers, iceTransportPolicy: 'relay' })
  await pull.connected()
  await until(() => edge.stream('lobby')?.live === true)
  const back = edge.pushTo('lobby', `${url}/whip/back`, { iceServers, iceTransportPolicy: 'relay' })
  await back.connected()
  await until(() => origin.stream('back')?.live === true)
  t.is(asked, 2)
  t.is(localCandidate(await pull.getStats())?.candidateType, 'relay')
  t.is((await origin.held()).turnAllocations, 2)
  await until(async () => ((await origin.getStats()).turn?.['datagramsToClients'] ?? 0) > 10)
  await Promise.all([back.close(), pull.close()])
  await until(async () => (await origin.held()).turnAllocations === 0)
  await edge.stream('lobby')?.close()
  await leavesNothing(edge, idle)
})

test('wrong credentials are told: an error where there is no other way, an event where there is', async (t) => {
  const [coturn, foreign] = await Promise.all([startTurnServer(t), startForeign(t)])
  const server = await startServer(t)
  const idle = await server.held()
  const wrong = { ...coturn.iceServer, credential: 'south' }
  const only = server.pullFrom(`${foreign.url}/whep/x`, 'lobby', { ...by(wrong), maxRetries: 0 })
  const error = await t.throwsAsync(only.connected(), { instanceOf: NetworkError, code: 'XRTC_NO_RELAY' })
  t.regex(error?.message ?? '', /^no relayed address from turn:127\.0\.0\.1:\d+: 401 unauthenticated: wrong username/)
  t.deepEqual((error as NetworkError).details, {
    url: String(coturn.iceServer.urls),
    errorCode: '401',
    errorText: '401 unauthenticated: wrong username or credential',
  })
  t.is(only.closeReason, 'XRTC_NO_RELAY')
  await leavesNothing(server, idle)

  const peer = server.peer({ push: 'lobby', ice: 'full', iceServers: [wrong] })
  const told = once(peer, 'icecandidateerror')
  const { sdp } = await peer.createOffer()
  t.regex(sdp, / typ host/)
  t.notRegex(sdp, / typ relay/)
  const [event] = (await told) as [{ url: string; errorCode: number }]
  t.is(event.errorCode, 401)
  await peer.close()
  await leavesNothing(server, idle)
})

test('whoever hears of a peer by peeradded hears what its ICE servers did not give', async (t) => {
  const [coturn, foreign] = await Promise.all([startTurnServer(t), startForeign(t)])
  const server = await startServer(t)
  const told: (readonly [string, number])[] = []
  server.on('peeradded', ({ peer }) => {
    peer.on('icecandidateerror', ({ url, errorCode }) => void told.push([url, errorCode]))
  })
  const wrong = { ...coturn.iceServer, credential: 'south' }
  const iceServers = [wrong, { urls: 'stun:nobody.invalid' }]
  const pull = server.pullFrom(`${foreign.url}/whep/x`, 'lobby', { iceServers })
  await pull.connected()
  const expected = [
    ['stun:nobody.invalid', 701],
    [String(wrong.urls), 401],
  ]
  t.deepEqual(told, expected)
  const remote = [...(await pull.getStats()).values()].find(({ type }) => type === 'remote-candidate')
  t.is((remote as CandidateStats).candidateType, 'host', 'as it was signalled')
})

test('a TURN server that does not answer takes as long as it is given', async (t) => {
  const foreign = await startForeign(t)
  const server = await startServer(t)
  // It takes everything and says nothing.
  const silent = createSocket('udp4').bind(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => silent.close())
  const iceServer = { urls: `turn:127.0.0.1:${silent.address().port}`, username: 'ann', credential: 'north' }
  const before = performance.now()
  const peer = server.peer({ push: 'x', ice: 'full', iceServers: [iceServer], gatherTimeoutMs: 100 })
  t.regex((await peer.createOffer()).sdp, / typ host/)
  await peer.close()
  const options = { ...by(iceServer), connectTimeoutMs: 100, maxRetries: 0 }
  const only = server.pullFrom(`${foreign.url}/whep/x`, 'lobby', options)
  await t.throwsAsync(only.connected(), { code: 'XRTC_NO_RELAY', message: /no answer$/ })
  // 3 s and 10 s by default.
  t.true(performance.now() - before < 2_500)
})

test('a quota that is reached is told by its code', async (t) => {
  const coturn = await startTurnServer(t, ['--user-quota=1'])
  const server = await startServer(t, by(coturn.iceServer) as { iceServers: IceServer[] })
  const first = server.peer({ push: 'a', ice: 'full' })
  t.regex((await first.createOffer()).sdp, / typ relay/)
  const second = server.peer({ push: 'b', ice: 'full' })
  await t.throwsAsync(second.createOffer(), { code: 'XRTC_NO_RELAY', message: /486/ })
})

test('after coturn was killed its peers end, nothing is left of them, and the next session says why', async (t) => {
  const [coturn, foreign] = await Promise.all([startTurnServer(t), startForeign(t)])
  const server = await startServer(t, { consentTimeoutMs: 1_500 })
  const idle = await server.held()
  const options = { ...by(coturn.iceServer), retryMinMs: 10, maxRetries: 1 }
  const pull = server.pullFrom(`${foreign.url}/whep/x`, 'lobby', options)
  await pull.connected()
  const reasons: (string | undefined)[] = []
  pull.on('statechange', ({ reason }) => reasons.push(reason))
  await coturn.kill()
  await until(() => reasons.length > 0)
  t.true(['iceTimeout', 'silent'].includes(reasons[0] ?? ''), reasons.join())
  await until(() => pull.closed)
  t.is(pull.closeReason, 'XRTC_NO_RELAY')
  t.regex(pull.lastError?.message ?? '', /: no answer$/)
  await server.stream('lobby')?.close()
  await leavesNothing(server, idle)
})

test('close does not wait for a TURN server that does not answer', async (t) => {
  const server = await startServer(t)
  const idle = await server.held()
  // The discard port.
  const nobody = { urls: 'turn:127.0.0.1:9', username: 'ann', credential: 'north' }
  const pull = server.pullFrom('http://127.0.0.1:9/whep/x', 'lobby', by(nobody))
  await until(async () => (await server.held()).relayedAddresses === 1)
  const before = performance.now()
  await pull.close()
  t.true(performance.now() - before < 5_000)
  await leavesNothing(server, idle)
})

test('servers that cannot be asked are refused with the reason', async (t) => {
  const server = await startServer(t)
  const turn = { username: 'ann', credential: 'north' }
  const wrong: [object, RegExp][] = [
    [{ iceServers: [{ urls: 'turns:a.example', ...turn }] }, /only UDP is spoken/],
    [{ iceServers: [{ urls: 'turn:a.example?transport=tcp', ...turn }] }, /no transport=tcp/],
    [{ iceServers: [{ urls: ['stuns:a.example'] }] }, /no stuns:/],
    [{ iceServers: [{ urls: 'turn:a.example' }] }, /needs username and credential/],
    [{ iceServers: [{ urls: 'http://a.example' }] }, /urls is one or more URLs/],
    [{ iceServers: [{ urls: 'turn:a.example:0', ...turn }] }, /iceServers: .* a port of 1 to 65535: turn:a\.example:0/],
    [{ iceServers: [1, 2, 3, 4, 5].map((n) => ({ urls: `TURN:10.0.0.${n}`, ...turn })) }, /at most 4 URLs of TURN/],
    [{ iceServers: [{ urls: Array.from({ length: 17 }, () => 'stun:10.0.0.1') }] }, /at most 16 URLs/],
    [{ iceServers: [{ urls: 'stun:a.example', port: 1 }] }, /no option port/],
    [{ iceServers: 'stun:a.example' }, /is an array of at most 16/],
    [{ iceServers: [{ urls: 'turn:a.example', ...turn, credentialType: 'oauth' }] }, /credentialType is 'password'/],
    [{ iceTransportPolicy: 'none' }, /is 'all' or 'relay'/],
    [{ iceTransportPolicy: 'relay', iceServers: [{ urls: 'stun:a.example' }] }, /needs a TURN server/],
  ]
  for (const [options, message] of wrong) {
    const expected = { instanceOf: InvalidArgumentError, message }
    t.throws(() => server.peer({ pull: 'x', ice: 'full', ...options }), expected, JSON.stringify(options))
    await t.throwsAsync(startServer(t, options), expected, JSON.stringify(options))
  }
  const lite = { iceServers: [{ urls: 'stun:127.0.0.1' }] }
  t.throws(() => server.peer({ pull: 'x', ...lite }), { message: /for peers with ice: 'full'/ })
  const url = 'http://127.0.0.1:9/whep/x'
  const options = { iceServers: [{ urls: 'turns:a.example', ...turn }] }
  t.throws(() => server.pullFrom(url, 'x', options), { instanceOf: InvalidArgumentError })
  t.throws(() => server.peer({ pull: 'x', ice: 'full', gatherTimeoutMs: 0 }), { message: /gatherTimeoutMs is an int/ })
  t.throws(() => server.peer({ pull: 'x', gatherTimeoutMs: 5 }), { message: /for peers with ice: 'full'/ })
  const relay = { iceTransportPolicy: 'relay' } as const
  const needed = { instanceOf: InvalidArgumentError, message: /needs a TURN server in iceServers/ }
  t.throws(() => server.pullFrom(url, 'x', relay), needed)
  t.throws(() => server.pushTo('x', url, { ...relay, ...lite }), needed)
  const relaying = await startServer(t, { ...relay, iceServers: [{ urls: 'turn:127.0.0.1:9', ...turn }] })
  t.throws(() => relaying.pullFrom(url, 'x', lite), needed)
  t.deepEqual([...server.remoteStreams(), ...relaying.remoteStreams()], [])
  const named = { iceServers: [{ urls: 'turn:nobody.invalid', ...turn }] }
  await t.throwsAsync(startServer(t, named), { code: 'XRTC_UNRESOLVED_ADDRESS' })
  // Of several ways to one server the one that can be gone is taken.
  const urls = ['turns:127.0.0.1', 'turn:127.0.0.1?transport=tcp', 'turn:127.0.0.1?transport=udp']
  const iceServers = [{ urls, ...turn, credentialType: 'password' }] as const
  t.notThrows(() => server.peer({ pull: 'x', ice: 'full', iceServers }))
})

test('a server whose name has no address is passed over and told, unless there is no other', async (t) => {
  const server = await startServer(t)
  const nobody = { urls: ['stun:nobody.invalid', 'turn:nobody.invalid'], username: 'ann', credential: 'north' }
  const peer = server.peer({ push: 'x', ice: 'full', iceServers: [nobody] })
  const told: { url: string; errorCode: number }[] = []
  peer.on('icecandidateerror', (event) => void told.push(event))
  t.regex((await peer.createOffer()).sdp, /a=candidate:/)
  t.deepEqual(
    told.map(({ url, errorCode }) => [url, errorCode]),
    nobody.urls.map((url) => [url, 701]),
  )
  const alone = server.peer({ push: 'y', ice: 'full', iceServers: [nobody], iceTransportPolicy: 'relay' })
  await t.throwsAsync(alone.createOffer(), { code: 'XRTC_UNRESOLVED_ADDRESS' })
})
