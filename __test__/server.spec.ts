import test from 'ava'
import { once } from 'node:events'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { createServer, ClosedError, InvalidArgumentError, NetworkError } from 'xrtc'
import type { MediaKinds, ServerOptions } from 'xrtc'
import { offerOf, open, startServer, startSite, until } from './harness.ts'

const wrong: readonly (readonly [string, unknown])[] = [
  ['workers is no number', { workers: 'two' }],
  ['no workers', { workers: 0 }],
  ['too many workers', { workers: 65 }],
  ['a port beyond the last one', { udp: { port: 65_536 } }],
  ['a host that is no address', { udp: { host: 'localhost' } }],
  ['an unknown option', { worker: 1 }],
  ['an unknown option of udp', { udp: { ports: [1] } }],
  ['no host', { udp: { host: [] } }],
  ['two hosts of one family', { udp: { host: ['127.0.0.1', '127.0.0.2'] } }],
  ['names of interfaces that are none', { udp: { interfaces: ['eth 0'] } }],
  ['no interfaces', { udp: { interfaces: [] } }],
  ['interfaces beside a host, which would say nothing', { udp: { host: '127.0.0.1', interfaces: ['lo'] } }],
  ['null in the place of options', { udp: null }],
  ['null in the place of limits', { limits: null }],
  ['an array of options', []],
  ['a TCP port beyond the last one', { tcp: { port: 65_536 } }],
  ['an unknown option of tcp', { tcp: { ports: [1] } }],
  ['TCP that is neither options nor false', { tcp: true }],
  ['a DTLS version that there is not', { dtlsVersion: '1.0' }],
  ['a negative grace', { publisherGraceMs: -1 }],
  ['a fraction of a millisecond', { consentTimeoutMs: 1000.5 }],
  ['an unknown limit', { limits: { viewers: 3 } }],
  ['an address that is none', { announce: ['not an address'] }],
  ['a port that is none', { announce: ['192.0.2.1:0'] }],
]

for (const [what, options] of wrong) {
  test(`createServer refuses ${what}`, async (t) => {
    await t.throwsAsync(() => createServer(options as ServerOptions), {
      instanceOf: InvalidArgumentError,
      code: 'XRTC_INVALID_ARGUMENT',
    })
  })
}

test('a misspelt option is told with those that there are', async (t) => {
  await t.throwsAsync(() => createServer({ udp: { address: '127.0.0.1' } } as ServerOptions), {
    message: 'udp has no option address; there are host, interfaces, port, portPerWorker',
  })
})

test('media that are neither true nor false are refused by their name', async (t) => {
  const server = await startServer(t)
  const media = { audio: 'yes' } as unknown as MediaKinds
  const expected = { instanceOf: InvalidArgumentError, message: 'media.audio is true or false' }
  const nothing = { audio: false, video: false }
  t.throws(() => server.peer({ pull: 'lobby', media: nothing }), { message: 'media has neither audio nor video' })
  t.throws(() => server.peer({ push: 'lobby', media }), expected)
  t.throws(() => server.peer({ pull: 'lobby', media }), expected)
  t.throws(() => server.pullFrom('http://127.0.0.1/whep/x', 'lobby', { media }), expected)
})

test('a URL and a name in the wrong order are told as a URL that is none', async (t) => {
  const server = await startServer(t)
  const expected = { instanceOf: InvalidArgumentError, message: /^a URL is an absolute one of http or https, such as/ }
  t.throws(() => server.pullFrom('lobby', 'http://127.0.0.1/whep/x'), expected)
  t.throws(() => server.pushTo('http://127.0.0.1/whip/x', 'lobby'), expected)
})

test('a taken UDP port is XRTC_ADDRESS_IN_USE', async (t) => {
  const server = await startServer(t)
  const port = server.workers[0]!.bound[0]!.port
  await t.throwsAsync(() => createServer({ udp: { host: '127.0.0.1', port }, workers: 1 }), {
    instanceOf: NetworkError,
    code: 'XRTC_ADDRESS_IN_USE',
  })
})

test('a taken TCP port is XRTC_ADDRESS_IN_USE, and says so', async (t) => {
  const taken = createTcpServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as AddressInfo
  await t.throwsAsync(() => createServer({ udp: { host: '127.0.0.1' }, tcp: { port }, workers: 1 }), {
    instanceOf: NetworkError,
    code: 'XRTC_ADDRESS_IN_USE',
    message: `TCP 127.0.0.1:${port} is in use`,
  })
})

test('the addresses of the interfaces that are asked for are offered, and none is XRTC_BIND_FAILED', async (t) => {
  const server = await startServer(t, { udp: { host: '0.0.0.0', interfaces: ['lo*'] } })
  t.like(server.workers[0], { candidates: [{ address: '127.0.0.1' }] })
  t.like(server.tcp, { candidates: [{ address: '127.0.0.1' }] })
  await t.throwsAsync(() => createServer({ udp: { interfaces: ['none*'] }, workers: 1 }), {
    instanceOf: NetworkError,
    code: 'XRTC_BIND_FAILED',
    message: 'no interface of these names has an address',
  })
})

test('D62: the TCP port is offered after UDP, at the announced addresses, unless there is none', async (t) => {
  const announced = await startServer(t, { workers: 2, announce: ['203.0.113.7', '198.51.100.1:9000'] })
  const [bound] = announced.tcp.bound
  t.deepEqual(announced.tcp.candidates, [
    { address: '203.0.113.7', port: bound!.port },
    { address: '198.51.100.1', port: 9_000 },
  ])
  const { sdp } = (await announced.push('lobby')).localDescription!
  const protocols = [...sdp.matchAll(/^a=candidate:\S+ 1 (\w+) /gm)].map(([, protocol]) => protocol)
  t.deepEqual(protocols.slice(0, 4), ['udp', 'udp', 'tcp', 'tcp'])
  t.regex(sdp, / 198\.51\.100\.1 9000 typ host tcptype passive\r$/m)
  t.deepEqual((await announced.getStats()).tcp, { accepted: 0, refused: 0, waiting: 0 })

  const without = await startServer(t, { tcp: false })
  t.deepEqual(without.tcp, { bound: [], candidates: [] })
  t.notRegex((await without.push('lobby')).localDescription!.sdp, /tcptype/)
})

test('an address of another machine is XRTC_BIND_FAILED', async (t) => {
  await t.throwsAsync(() => createServer({ udp: { host: '192.0.2.77' }, workers: 1 }), {
    instanceOf: NetworkError,
    code: 'XRTC_BIND_FAILED',
  })
})

test('a name without an address is XRTC_UNRESOLVED_ADDRESS', async (t) => {
  await t.throwsAsync(() => createServer({ announce: ['nobody.invalid'], workers: 1 }), {
    instanceOf: NetworkError,
    code: 'XRTC_UNRESOLVED_ADDRESS',
  })
})

const LINUX = process.platform === 'linux'
const onLinux = LINUX ? test : test.skip

onLinux('all workers have one port and offer it', async (t) => {
  const server = await startServer(t, { workers: 3 })
  const [first, ...others] = server.workers
  t.deepEqual(first?.bound, first?.candidates)
  t.deepEqual(others, [first!, first!])
  t.is((await server.held()).sockets, 4) // Beside the three for UDP the one for TCP.
})

onLinux('a port that workers share is taken all the same', async (t) => {
  const server = await startServer(t, { workers: 2 })
  const { port } = server.workers[0]!.bound[0]!
  await t.throwsAsync(() => createServer({ udp: { host: '127.0.0.1', port }, workers: 2 }), {
    instanceOf: NetworkError,
    code: 'XRTC_ADDRESS_IN_USE',
  })
})

test('with a port for each worker, each offers its own', async (t) => {
  const server = await startServer(t, { workers: 2, udp: { host: '127.0.0.1', portPerWorker: true } })
  t.is(server.workers.length, 2)
  const ports = server.workers.map(({ bound, candidates }) => {
    t.deepEqual(bound, candidates)
    t.is(bound[0]!.address, '127.0.0.1')
    return bound[0]!.port
  })
  t.is(new Set(ports).size, 2)
})

test('announced addresses replace the own ones, ports count up by worker', async (t) => {
  const server = await startServer(t, {
    workers: 2,
    udp: { host: '127.0.0.1', portPerWorker: true },
    announce: ['203.0.113.7:9000', 'localhost', '[2001:db8::1]:9100'],
  })
  const [first, second] = server.workers.map(({ candidates }) =>
    candidates.filter(({ port }) => port >= 9000 && port < 9200),
  )
  t.deepEqual(first, [
    { address: '203.0.113.7', port: 9000 },
    { address: '2001:db8::1', port: 9100 },
  ])
  t.deepEqual(second, [
    { address: '203.0.113.7', port: 9001 },
    { address: '2001:db8::1', port: 9101 },
  ])
  t.true(server.workers[0]!.candidates.some(({ address }) => address === '127.0.0.1' || address === '::1'))
})

test('close ends peers of HTTP sessions and of remote servers for the same reason, and no stream changes before', async (t) => {
  const far = await startSite(t)
  const { server, url } = await startSite(t)
  const publish = offerOf('chromium-publish-vp8')
  await open(`${url}/whip/lobby`, publish)
  await open(`${url}/whep/lobby`, offerOf('chromium-play'))
  await open(`${far.url}/whip/copy`, publish)
  server.pullFrom(`${far.url}/whep/copy`, 'copy')
  await until(() => server.peers().length === 3 && server.streams().length === 2)
  const events: string[] = []
  for (const peer of server.peers()) peer.on('closed', ({ reason }) => events.push(`${peer.action} ${reason}`))
  for (const stream of server.streams()) {
    stream.on('change', ({ state }) => events.push(`stream ${state}`))
    stream.on('closed', ({ reason }) => events.push(`stream ${reason}`))
  }
  await server.close()
  t.deepEqual(events.toSorted(), [
    ...['pull serverClosed', 'push serverClosed', 'push serverClosed'],
    ...['stream serverClosed', 'stream serverClosed'],
  ])
})

test('close ends everything, twice does no harm, and everything after it fails with XRTC_CLOSED', async (t) => {
  const server = await startServer(t)
  const peer = await server.push('lobby', { offer: offerOf('chromium-publish-vp8') })
  const stream = server.stream('lobby')!
  const events: string[] = []
  peer.on('closed', ({ reason }) => events.push(`peer ${reason}`))
  stream.on('closed', ({ reason }) => events.push(`stream ${reason}`))
  server.on('closed', () => events.push('server'))
  const closing = server.close()
  t.true(server.closed)
  t.is(server.close(), closing)
  await closing
  await server.close()
  t.deepEqual(events.toSorted(), ['peer serverClosed', 'server', 'stream serverClosed'])
  t.is(events.at(-1), 'server')
  t.deepEqual(server.streams(), [])
  t.deepEqual(server.peers(), [])
  const closed = { instanceOf: ClosedError, code: 'XRTC_CLOSED' }
  await t.throwsAsync(() => server.push('lobby'), closed)
  await t.throwsAsync(() => server.pull('lobby'), closed)
  await t.throwsAsync(() => server.held(), closed)
  await t.throwsAsync(() => server.getStats(), closed)
  await t.throwsAsync(() => peer.getStats(), closed)
  await t.throwsAsync(() => peer.addIceCandidate(null), closed)
  t.throws(() => server.peer({ push: 'lobby' }), closed)
  t.throws(() => server.signaling(), closed)
  await t.notThrowsAsync(() => peer.close())
  await t.notThrowsAsync(() => stream.close())
})

test('a server disposes of itself', async (t) => {
  const server = await startServer(t)
  await server[Symbol.asyncDispose]()
  t.true(server.closed)
})

test('commands under way when the server closes are settled', async (t) => {
  const server = await startServer(t)
  const results = Promise.allSettled([server.push('a'), server.held(), server.pull('nobody')])
  await server.close()
  for (const result of await results) {
    if (result.status === 'rejected')
      t.regex((result.reason as { code: string }).code, /^XRTC_(?:CLOSED|UNKNOWN_STREAM)$/)
  }
  t.deepEqual(server.peers(), [])
})

test('a server without peers holds its sockets and nothing else', async (t) => {
  const server = await startServer(t, { workers: 2 })
  const { sockets, ...rest } = await server.held()
  t.is(sockets, 3)
  for (const [name, count] of Object.entries(rest)) t.is(count, 0, name)
})

test('the counters of each worker have names', async (t) => {
  const server = await startServer(t, { workers: 2 })
  const { timestamp, workers } = await server.getStats()
  t.true(Math.abs(Date.now() - timestamp) < 60_000)
  t.is(workers.length, 2)
  for (const { sockets, discards } of workers) {
    t.is(sockets['datagramsReceived'], 0)
    t.true(Object.keys(discards).length > 5)
    for (const name of Object.keys(discards)) t.regex(name, /^[a-z][A-Za-z0-9.]*$/)
  }
})

test('a listener that throws harms nobody and is told of', async (t) => {
  const server = await startServer(t)
  const told = once(server, 'listenererror')
  const mistake = new Error('a mistake')
  let second = false
  server.on('peeradded', () => {
    throw mistake
  })
  server.on('peeradded', () => {
    second = true
  })
  await server.push('lobby', { offer: offerOf('chromium-publish-vp8') })
  t.deepEqual(await told, [{ error: mistake, event: 'peeradded' }])
  t.true(second)
})

test('a listener whose promise is rejected is told of', async (t) => {
  const server = await startServer(t)
  const told = once(server, 'listenererror')
  const mistake = new Error('a late mistake')
  server.on('streamadded', () => Promise.reject(mistake))
  await server.push('lobby', { offer: offerOf('chromium-publish-vp8') })
  t.deepEqual(await told, [{ error: mistake, event: 'streamadded' }])
})

test('nothing is printed or logged without a logger, and a logger is told', async (t) => {
  const lines: string[] = []
  const log =
    (level: string) =>
    (_fields: object, message: string): void =>
      void lines.push(`${level} ${message}`)
  const logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }
  const server = await startServer(t, { logger })
  const peer = await server.push('lobby', { offer: offerOf('chromium-publish-vp8') })
  await peer.close()
  await server.close()
  t.true(lines.includes('info peer added') && lines.includes('info peer removed'))
})
