// The options of the embedded TURN server, and what clients are told of it.

import test from 'ava'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { generate } from 'selfsigned'
import { ClosedError, createServer } from 'xrtc'
import type { ServerOptions } from 'xrtc'
import { listen, offerOf, post, startServer, startSite } from '../harness.ts'

test('a server without TURN has none', async (t) => {
  const server = await startServer(t)
  t.is(server.turn, undefined)
  t.deepEqual(server.iceServers(), [])
  t.throws(() => server.iceServers({ ttl: 5 } as object), {
    message: /iceServers has no option ttl; there are identity/,
  })
  t.false('turn' in (await server.getStats()))
})

test('clients are told of it by themselves, with credentials of their own', async (t) => {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec' })
  const turn = { port: 0, tls: { port: 0, cert, key }, host: 'turn.example', ttlSeconds: 60 }
  const server = await startServer(t, { turn })
  const [plain] = server.turn?.bound ?? []
  const [secure] = server.turn?.tls ?? []
  const urls = [
    `turn:turn.example:${plain?.port}?transport=udp`,
    `turn:turn.example:${plain?.port}?transport=tcp`,
    `turns:turn.example:${secure?.port}?transport=tcp`,
  ]
  t.deepEqual(server.turn?.urls, urls)
  const given = { urls: 'stun:stun.example' }
  const authorize = (): object => ({ identity: 'ann', iceServers: [given] })
  const url = await listen(t, server.signaling({ authorize }).listener)
  const response = await post(`${url}/whip/a`, offerOf('chromium-publish'))
  t.is(response.status, 201)
  const links = response.headers.get('link') ?? ''
  for (const told of [...urls, given.urls]) t.true(links.includes(`<${told}>; rel="ice-server"`), links)
  const [, expiry] = /username="(\d+):ann"/.exec(links) ?? []
  const left = Number(expiry) - Date.now() / 1_000
  t.true(left > 50 && left <= 60)
  const [first] = server.iceServers()
  const [second] = server.iceServers()
  t.not(first?.username, second?.username)
  t.regex(server.iceServers({ identity: 'bob', ttlSeconds: 5 })[0]?.username ?? '', /^\d+:bob$/)
})

test('the first of the addresses to announce is what clients are told, a name as a name', async (t) => {
  const server = await startServer(t, { turn: { port: 0 }, announce: ['localhost:9000'] })
  t.regex(server.turn?.urls[0] ?? '', /^turn:localhost:\d+\?transport=udp$/)
  const ipv6 = await startServer(t, { turn: { port: 0, host: '2001:db8::1' } })
  t.regex(ipv6.turn?.urls[0] ?? '', /^turn:\[2001:db8::1\]:\d+\?transport=udp$/)
})

test('its sockets are held from the first moment on', async (t) => {
  // The thread that serves them comes to its first turn when it likes: one server would seldom show it.
  for (let i = 0; i < 60; i++) {
    const server = await startServer(t, { turn: { port: 0 } })
    const { sockets } = await server.held()
    await server.close()
    t.is(sockets, 4)
  }
})

test('everything is released when the server is closed', async (t) => {
  const server = await startServer(t, { turn: { port: 0 } })
  const port = server.turn?.bound[0]?.port ?? 0
  t.deepEqual([(await server.held()).turnAllocations, (await server.held()).turnConnections], [0, 0])
  await server.close()
  const again = await startServer(t, { turn: { port } })
  t.is(again.turn?.bound[0]?.port, port)
})

test('a port in use is named', async (t) => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  const { port } = socket.address() as AddressInfo
  await t.throwsAsync(startServer(t, { turn: { port } }), {
    code: 'XRTC_ADDRESS_IN_USE',
    message: `TURN: UDP 127.0.0.1:${port} is in use`,
  })
})

const WRONG: readonly (readonly [string, unknown, RegExp])[] = [
  ['a misspelt option', { ports: 1 }, /turn has no option ports/],
  ['a port out of range', { port: 70_000 }, /turn\.port is an integer/],
  ['an empty secret', { secret: '' }, /turn\.secret must not be empty/],
  ['a long realm', { realm: 'a'.repeat(25) }, /turn\.realm/],
  ['a realm with quotes', { realm: '"' }, /turn\.realm/],
  ['a host with a port', { host: 'a:1' }, /turn\.host/],
  ['ports that are no range', { relayPorts: [5_000] }, /turn\.relayPorts/],
  ['an empty range', { relayPorts: [5_001, 5_000] }, /turn\.relayPorts/],
  ['peers that are no ranges', { allowedPeers: ['10.0.0.0/64'] }, /turn\.allowedPeers: not an ADDRESS\/BITS/],
  ['peers that are no array', { allowedPeers: '10.0.0.0/8' }, /turn\.allowedPeers is an array/],
  ['an unknown limit', { limits: { users: 1 } }, /turn\.limits has no option users/],
  ['a limit out of range', { limits: { channels: 0 } }, /turn\.limits\.channels is an integer from 1 to 1000/],
  ['a certificate that is none', { tls: { cert: 'a', key: 'b', port: 0 } }, /turn\.tls\.cert is not PEM/],
]
for (const [name, turn, message] of WRONG) {
  test(`${name} is refused`, async (t) => {
    const options = { udp: { host: '127.0.0.1' }, workers: 1, turn: { port: 0, ...(turn as object) } }
    await t.throwsAsync(createServer(options), { code: 'XRTC_INVALID_ARGUMENT', message })
  })
}

test('an array is no options object', async (t) => {
  const options = { turn: [] } as unknown as ServerOptions
  await t.throwsAsync(createServer(options), {
    code: 'XRTC_INVALID_ARGUMENT',
    message: /options of turn are an object/,
  })
})

test('after the end nobody is told of it any more', async (t) => {
  const server = await startServer(t, { turn: { port: 0 } })
  await server.close()
  t.throws(() => server.iceServers(), { instanceOf: ClosedError, code: 'XRTC_CLOSED' })
})

test('a site without authorize tells clients as well', async (t) => {
  const { url } = await startSite(t, {}, { turn: { port: 0 } })
  const response = await post(`${url}/whip/a`, offerOf('chromium-publish'))
  t.regex(response.headers.get('link') ?? '', /<turn:127\.0\.0\.1:\d+\?transport=udp>/)
})
