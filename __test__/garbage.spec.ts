// Strangers at the UDP port: what they send is counted, changes nothing and gets no answer.

import test from 'ava'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { randomBytes } from 'node:crypto'
import type { MediaServer } from 'xrtc'
import { offerOf, startServer } from './harness.ts'

const STUN_COOKIE = [0x21, 0x12, 0xa4, 0x42]
const TRANSACTION = [...randomBytes(12)]

const strangers: readonly (readonly [string, Buffer])[] = [
  ['random bytes', Buffer.concat([Buffer.from([0x47]), randomBytes(200)])],
  ['a truncated STUN message', Buffer.from([0x00, 0x01, 0x00, 0x40, ...STUN_COOKIE, ...TRANSACTION, 0x00, 0x06])],
  ['a STUN request of nobody', Buffer.from([0x00, 0x01, 0x00, 0x00, ...STUN_COOKIE, ...TRANSACTION])],
  [
    'a DTLS ClientHello',
    Buffer.from([0x16, 0xfe, 0xfd, ...Array<number>(8).fill(0), 0x00, 0x04, 0x01, 0x00, 0x00, 0x00]),
  ],
  ['RTP of nobody', Buffer.concat([Buffer.from([0x90, 0x60]), randomBytes(100)])],
  ['RTP with impossible padding', Buffer.from([0xa0, 0x60, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xff])],
  [
    'RTP whose extensions are longer than it',
    Buffer.from([0x90, 0x60, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xbe, 0xde, 0xff, 0xff]),
  ],
  ['one byte', Buffer.from([0x80])],
]

for (const [what, datagram] of strangers) {
  test(`${what}: counted, and nothing else happens`, async (t) => {
    const server = await startServer(t)
    await server.push('lobby', { offer: offerOf('chromium-publish-vp8') })
    const held = await server.held()
    const socket = createSocket('udp4')
    t.teardown(() => socket.close())
    const { address, port } = server.workers[0]!.bound[0]!
    let answers = 0
    socket.on('message', () => (answers += 1))
    for (let count = 0; count < 20; count += 1) socket.send(datagram, port, address)
    await counted(server, 20)
    t.deepEqual(await server.held(), held)
    t.is(server.peers()[0]?.connectionState, 'new')
    t.is(answers, 0)
    t.is(await discards(server), 20)
  })
}

test('an empty datagram is no harm', async (t) => {
  const server = await startServer(t)
  const socket = createSocket('udp4')
  t.teardown(() => socket.close())
  const { address, port } = server.workers[0]!.bound[0]!
  socket.send(Buffer.alloc(0), port, address)
  socket.send(Buffer.from([0xff]), port, address)
  await counted(server, 1)
  const added = once(server, 'peeradded')
  await server.push('lobby', { offer: offerOf('chromium-publish-vp8') })
  await added
  t.is(server.peers().length, 1)
})

async function discards(server: MediaServer): Promise<number> {
  const { workers } = await server.getStats()
  return workers.flatMap((worker) => Object.values(worker.discards)).reduce((total, count) => total + count, 0)
}

// Datagrams arrive when they arrive; ava's timeout ends what waits in vain.
async function counted(server: MediaServer, count: number): Promise<void> {
  while ((await discards(server)) < count);
}
