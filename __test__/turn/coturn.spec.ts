// coturn's own client against the embedded TURN server.

import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { generate } from 'selfsigned'
import { turnCredentials } from 'xrtc'
import type { IceServer, MediaServer, TurnOptions } from 'xrtc'
import { startServer } from '../harness.ts'

const UCLIENT = process.env['XRTC_TURNUTILS_UCLIENT'] ?? '/usr/bin/turnutils_uclient'

interface Outcome {
  readonly code: number
  readonly output: string
}

/** Sends 20 messages by each of two clients to a peer that sends everything back. */
async function uclient(
  server: MediaServer,
  peerPort: number,
  credentials: IceServer | undefined,
  ...flags: readonly string[]
): Promise<Outcome> {
  const { bound = [], tls = [] } = server.turn ?? {}
  const [address] = flags.includes('-S') ? tls : bound
  const who = ['-u', credentials?.username ?? '', '-w', credentials?.credential ?? '']
  const peer = ['-e', '127.0.0.1', '-r', String(peerPort)]
  // `-c`: no second allocation for RTCP.
  const client = spawn(UCLIENT, [
    ...who,
    '-p',
    String(address?.port),
    '-c',
    '-n',
    '20',
    '-m',
    '2',
    ...peer,
    ...flags,
    '127.0.0.1',
  ])
  let output = ''
  client.stdout.on('data', (text: Buffer) => (output += text.toString()))
  client.stderr.on('data', (text: Buffer) => (output += text.toString()))
  const [code] = (await once(client, 'close')) as [number]
  return { code, output }
}

async function startEcho(t: ExecutionContext): Promise<number> {
  const socket = createSocket('udp4')
  socket.on('message', (message, { port, address }) => socket.send(message, port, address))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  return (socket.address() as AddressInfo).port
}

async function startTurn(t: ExecutionContext, turn: TurnOptions = {}): Promise<MediaServer> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec' })
  return await startServer(t, { turn: { port: 0, tls: { port: 0, cert, key }, ...turn } })
}

for (const [name, flags] of [
  ['UDP by channels', []],
  ['UDP by indications', ['-s']],
  ['TCP', ['-t']],
  ['TLS', ['-t', '-S']],
] as const) {
  test(`turnutils_uclient talks to a peer over ${name}`, async (t) => {
    const server = await startTurn(t, { allowedPeers: ['127.0.0.0/8'] })
    const { code, output } = await uclient(server, await startEcho(t), server.iceServers()[0], ...flags)
    t.is(code, 0, output)
    t.regex(output, /tot_send_msgs=40, tot_recv_msgs=40/)
    t.regex(output, /Total lost packets 0 /)
    const { turn } = await server.getStats()
    t.is(turn?.['datagramsToPeers'], 40)
    t.is(turn?.['datagramsToClients'], 40)
    await server.close()
  })
}

test('a peer in a private range is refused', async (t) => {
  const server = await startTurn(t)
  const { code, output } = await uclient(server, await startEcho(t), server.iceServers()[0])
  t.not(code, 0)
  t.regex(output, /error 403/)
  const { turn } = await server.getStats()
  t.true((turn?.['peersRefused'] ?? 0) > 0)
  t.is(turn?.['datagramsToPeers'], 0)
})

test('credentials that are over or of another secret are refused', async (t) => {
  const server = await startTurn(t, { secret: 'north' })
  const urls = 'turn:127.0.0.1'
  const over = { ...turnCredentials({ secret: 'north', urls }), username: '1000:ann' }
  const foreign = turnCredentials({ secret: 'south', urls })
  for (const credentials of [over, foreign]) {
    const { code, output } = await uclient(server, 9, credentials)
    t.not(code, 0)
    t.regex(output, /error 401|Unauthor|Cannot complete Allocation/i)
  }
  const { turn } = await server.getStats()
  t.true((turn?.['wrongCredentials'] ?? 0) >= 2)
  t.is(turn?.['allocationsMade'], 0)
})

test('a quota that is reached is told with 486', async (t) => {
  const server = await startTurn(t, { limits: { allocationsPerAddress: 1 }, allowedPeers: ['127.0.0.0/8'] })
  const { output } = await uclient(server, await startEcho(t), server.iceServers()[0])
  t.regex(output, /error 486/)
  t.true(((await server.getStats()).turn?.['overQuota'] ?? 0) > 0)
  t.is((await server.held()).turnAllocations, 1)
})
