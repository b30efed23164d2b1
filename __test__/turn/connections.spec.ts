// Connections to the TURN server that nobody uses.

import test from 'ava'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { startServer } from '../harness.ts'

/** RFC 8489 §5: a Binding request without attributes. */
const BINDING = Buffer.concat([Buffer.from('000100002112a442', 'hex'), randomBytes(12)])

test('one that says nothing is closed after ten seconds, one that asked for something is not', async (t) => {
  t.timeout(25_000)
  const server = await startServer(t, { turn: { port: 0 } })
  const port = server.turn?.bound[0]?.port ?? 0
  const open = async (first: Buffer): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    socket.write(first)
    return socket
  }
  const asked = await open(BINDING)
  await once(asked, 'data')
  const begin = Date.now()
  // A whole message that means nothing counts as little as half of one.
  const silent = await Promise.all([Buffer.alloc(0), BINDING.subarray(0, 19), Buffer.from('0101', 'hex')].map(open))
  await Promise.all(silent.map((socket) => once(socket.resume(), 'close')))
  const waited = Date.now() - begin
  t.true(waited > 8_000 && waited < 20_000, `${waited} ms`)
  t.is((await server.held()).turnConnections, 1)
  t.false(asked.destroyed)
})
