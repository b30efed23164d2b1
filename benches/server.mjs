// The server under test: one worker on loopback, WHIP and WHEP on a free port. Prints its address as one line of JSON.

import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'xrtc'

const workers = Number(process.env.WORKERS ?? 1)
const server = await createServer({ udp: { host: '127.0.0.1' }, workers })
const http = createHttpServer(server.signaling({ rateLimit: false }).listener)
http.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ url: `http://127.0.0.1:${http.address().port}` })))
process.once('SIGTERM', () => {
  http.closeAllConnections()
  http.close()
  void server.close()
})
