// The app of cluster.spec.ts: two processes behind one port. The primary hands them connections in turn.

import cluster from 'node:cluster'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'xrtc'

if (cluster.isPrimary) {
  cluster.schedulingPolicy = cluster.SCHED_RR
  const workers = [cluster.fork(), cluster.fork()]
  let listening = 0
  cluster.on('listening', (_, { port }) => {
    listening += 1
    if (listening === workers.length) console.log(`ready ${port}`)
  })
  process.on('SIGTERM', () => {
    for (const worker of workers) worker.process.kill('SIGTERM')
    process.exit()
  })
} else {
  const server = await createServer({ udp: { host: '127.0.0.1' }, workers: 1 })
  createHttpServer(server.signaling().listener).listen(0, '127.0.0.1')
}
