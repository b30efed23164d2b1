// One TCP port for HTTP and media.

import test, { type ExecutionContext } from 'ava'
import { createHash, createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createHttpServer, get, Agent, type RequestListener, type Server } from 'node:http'
import { createServer as createHttpsServer, get as getSecurely } from 'node:https'
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { generate } from 'selfsigned'
import { createServer, InvalidArgumentError, type MediaServer } from 'xrtc'

// Windows has no descriptors to pass.
const onUnix = process.platform === 'win32' ? test.skip : test

const ECHO: RequestListener = async (request, response) => {
  response.end(
    `${request.method} ${request.url} ${createHash('sha256')
      .update(await text(request))
      .digest('hex')}`,
  )
}

async function share(t: ExecutionContext, http: Server): Promise<{ media: MediaServer; port: number }> {
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const media = await createServer({ udp: { host: '127.0.0.1' }, tcp: { server: http }, workers: 2 })
  t.teardown(async () => {
    http.closeAllConnections()
    http.close()
    await media.close()
  })
  return { media, port: (http.address() as AddressInfo).port }
}

/** A connectivity check in a frame (RFC 8489, RFC 4571). */
function check(sdp: string): Buffer {
  const [ufrag, pwd] = ['ufrag', 'pwd'].map((name) => new RegExp(`^a=ice-${name}:(.*)\\r$`, 'm').exec(sdp)?.[1] ?? '')
  const attribute = (type: number, value: Buffer): Buffer => {
    const padded = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4)
    padded.writeUInt16BE(type, 0)
    padded.writeUInt16BE(value.length, 2)
    value.copy(padded, 4)
    return padded
  }
  const attributes = [
    attribute(0x0006, Buffer.from(`${ufrag}:them`)),
    attribute(0x0024, Buffer.from([0x6e, 0, 0, 0xff])),
    attribute(0x802a, randomBytes(8)),
    attribute(0x0025, Buffer.alloc(0)),
  ]
  const body = Buffer.concat(attributes)
  const header = Buffer.from([0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, ...randomBytes(12)])
  header.writeUInt16BE(body.length + 24, 2)
  const signed = Buffer.concat([header, body])
  const message = Buffer.concat([signed, attribute(0x0008, createHmac('sha1', pwd!).update(signed).digest())])
  return Buffer.concat([Buffer.from([message.length >> 8, message.length & 0xff]), message])
}

async function open(t: ExecutionContext, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

onUnix('D62: a check on the port of HTTP is answered by a worker, and the connection ends with its peer', async (t) => {
  const { media, port } = await share(t, createHttpServer(ECHO))
  t.deepEqual(media.tcp, { bound: [], candidates: [{ address: '127.0.0.1', port }] })
  for (const stream of ['one', 'two', 'three']) {
    const peer = await media.push(stream)
    const sdp = peer.localDescription!.sdp
    t.regex(sdp, new RegExp(` 127\\.0\\.0\\.1 ${port} typ host tcptype passive`))
    const socket = await open(t, port)
    // The first byte alone tells whose the connection is.
    const frame = check(sdp)
    socket.setNoDelay(true).write(frame.subarray(0, 1))
    const taken = once(socket, 'data')
    socket.write(frame.subarray(1))
    const [answer] = (await taken) as [Buffer]
    t.deepEqual([...answer.subarray(2, 4)], [1, 1], 'a success response to a binding request')
    t.deepEqual(answer.subarray(10, 22), frame.subarray(10, 22), 'of the same transaction')
    const ended = once(socket, 'end')
    socket.resume()
    await peer.close()
    await ended
  }
  t.like((await media.getStats()).tcp, { accepted: 3, refused: 0 })
})

onUnix('what begins like a check and is none is closed, and HTTP goes on', async (t) => {
  const { media, port } = await share(t, createHttpServer(ECHO))
  const socket = await open(t, port)
  socket.write(Buffer.from([0, 20, ...randomBytes(20)]))
  socket.on('error', () => undefined).resume()
  await once(socket, 'close')
  t.like((await media.getStats()).tcp, { accepted: 1, refused: 1 })
  t.is((await fetch(`http://127.0.0.1:${port}/on`)).status, 200)
})

onUnix(
  'HTTP on a shared port is as it was: requests one after the other, large bodies, until both are closed',
  async (t) => {
    const http = createHttpServer(ECHO)
    const { media, port } = await share(t, http)
    const url = `http://127.0.0.1:${port}`
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    t.teardown(() => agent.destroy())
    for (const path of ['/a', '/b', '/c']) {
      const [response] = (await once(get(`${url}${path}`, { agent }), 'response')) as [NodeJS.ReadableStream]
      t.true((await text(response)).startsWith(`GET ${path} `))
    }
    const body = randomBytes(1 << 20).toString('hex')
    const sent = await fetch(`${url}/body`, { method: 'POST', body })
    t.is(await sent.text(), `POST /body ${createHash('sha256').update(body).digest('hex')}`)
    // A request in pieces, and one that ends before it has begun.
    const socket = await open(t, port)
    for (const piece of ['G', 'ET /pieces HTT', 'P/1.1\r\nHost: x\r\nConnection: close\r\n\r\n']) socket.write(piece)
    t.regex(await text(socket), /GET \/pieces/)
    ;(await open(t, port)).end()
    await media.close()
    t.is((await fetch(`${url}/after`)).status, 200)
  },
)

onUnix('HTTPS shares its port as well', async (t) => {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }])
  const http = createHttpsServer({ cert, key }, ECHO)
  const { media, port } = await share(t, http as unknown as Server)
  const request = getSecurely({ port, host: '127.0.0.1', path: '/secret', rejectUnauthorized: false })
  const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream]
  t.true((await text(response)).startsWith('GET /secret '))
  const socket = await open(t, port)
  socket.write(check((await media.push('one')).localDescription!.sdp))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  t.deepEqual([...answer.subarray(2, 4)], [1, 1])
})

onUnix('a server that does not listen yet needs its port, and what is no server is refused', async (t) => {
  const taken = createTcpServer()
  const refused = { instanceOf: InvalidArgumentError, code: 'XRTC_INVALID_ARGUMENT' } as const
  await t.throwsAsync(() => createServer({ tcp: { server: taken }, workers: 1 }), refused)
  await t.throwsAsync(() => createServer({ tcp: { server: {} as Server }, workers: 1 }), refused)
  const media = await createServer({ udp: { host: '127.0.0.1' }, tcp: { server: taken, port: 4_430 }, workers: 1 })
  t.deepEqual(media.tcp.candidates, [{ address: '127.0.0.1', port: 4_430 }])
  await media.close()
})
