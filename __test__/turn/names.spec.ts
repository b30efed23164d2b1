// ICE servers whose names take long to resolve. In a file of its own: it takes the resolver's place.

import dns from 'node:dns/promises'
import { syncBuiltinESMExports } from 'node:module'
import test from 'ava'
import { startServer } from '../harness.ts'

test('a name that is not resolved in time is passed over and told', async (t) => {
  const { lookup } = dns
  t.teardown(() => {
    dns.lookup = lookup
    syncBuiltinESMExports()
  })
  dns.lookup = (() => new Promise(() => undefined)) as unknown as typeof lookup
  syncBuiltinESMExports()
  const server = await startServer(t)
  const peer = server.peer({ push: 'x', ice: 'full', iceServers: [{ urls: 'stun:slow.example' }], gatherTimeoutMs: 50 })
  const told: unknown[] = []
  peer.on('icecandidateerror', (event) => void told.push(event))
  t.regex((await peer.createOffer()).sdp, / typ host/)
  const errorText = 'the name of slow.example was not resolved within 50 ms'
  t.deepEqual(told, [{ url: 'stun:slow.example', errorCode: 701, errorText }])
})
