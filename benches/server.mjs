// The server under test on loopback, WHIP and WHEP on a free port. Prints its address as one line of JSON, then answers
// commands, one JSON array a line; it stops when its input ends.

import { createServer as createHttpServer } from 'node:http'
import { createInterface } from 'node:readline'
import { getHeapStatistics } from 'node:v8'
import { createServer } from 'xrtc'

const server = await createServer({ udp: { host: '127.0.0.1' }, workers: Number(process.env.WORKERS ?? 1) })
const http = createHttpServer(server.signaling({ rateLimit: false }).listener)

const COMMANDS = {
  // Holds up the JavaScript thread without using its core, as a synchronous call into the system would.
  block: (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
  stats: () => server.getStats(),
  memory: (collected) => memory(collected),
}

http.listen(0, '127.0.0.1', () => reply({ url: `http://127.0.0.1:${http.address().port}` }))
for await (const line of createInterface(process.stdin)) {
  const [command, ...values] = JSON.parse(line)
  reply({ result: await COMMANDS[command](...values) })
}
http.closeAllConnections()
http.close()
await server.close()

// Bytes. V8's part are the pages of its heap that it has touched; the rest is native, the shared libraries included.
async function memory(collected) {
  if (collected) {
    // What a first collection lets go of (finalizers, weak references) goes with the next one, and its pages a moment later.
    for (let round = 0; round < 3; round += 1) {
      globalThis.gc()
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
  const { total_physical_size: v8, used_heap_size: objects } = getHeapStatistics()
  const resident = process.memoryUsage.rss()
  return { resident, v8, objects, native: resident - v8 }
}

function reply(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
