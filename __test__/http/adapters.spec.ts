// One signaling inside each framework: the same story, the paths of the framework, and its own 404.

import test from 'ava'
import type { ExecutionContext } from 'ava'
import { once } from 'node:events'
import { createServer as createHttp2Server, connect as connectHttp2 } from 'node:http2'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getConnInfo } from '@hono/node-server/conninfo'
import { serve as serveHono } from '@hono/node-server'
import connect from 'connect'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import type { MediaServer, SignalingOptions } from 'xrtc'
import { fragment, listen, offerOf, open, patch, post, problemOf, startServer } from '../harness.ts'

const PUBLISH = offerOf('chromium-publish-vp8')
const PREFLIGHT = { Origin: 'http://a', 'Access-Control-Request-Method': 'POST' }

/** Serves a signaling below `/media` in some framework, whose own 404 says `ours`, and gives its URL. */
type Mount = (t: ExecutionContext, server: MediaServer, options?: SignalingOptions) => Promise<string>

const mounts: Readonly<Record<string, Mount>> = {
  Express: (t, server, options) => {
    const app = express()
    app.use('/media', server.signaling(options).listener)
    app.use((_, response) => void response.status(404).send('ours'))
    return listen(t, app)
  },
  'Express with a router and a text parser': (t, server, options) => {
    const app = express()
    const router = express.Router()
    router.use(express.text({ type: ['application/sdp', 'application/trickle-ice-sdpfrag'] }))
    router.use(server.signaling(options).listener)
    app.use('/media', router)
    app.use((_, response) => void response.status(404).send('ours'))
    return listen(t, app)
  },
  'Express with parsers that read nothing': (t, server, options) => {
    const app = express()
    app.use(express.json(), express.urlencoded(), (request, _, next) => {
      request.body ??= {}
      next()
    })
    app.use('/media', server.signaling(options).listener)
    app.use((_, response) => void response.status(404).send('ours'))
    return listen(t, app)
  },
  Connect: (t, server, options) => {
    const app = connect()
    app.use('/media', server.signaling(options).listener)
    app.use((_, response) => {
      response.statusCode = 404
      response.end('ours')
    })
    return listen(t, app)
  },
  Fastify: async (t, server, options) => {
    const app = fastify()
    app.setNotFoundHandler((_, reply) => reply.code(404).send('ours'))
    await app.register(server.signaling(options).fastify, { prefix: '/media' })
    return await listenFastify(t, app)
  },
  'Fastify with a parser of its own': async (t, server, options) => {
    const app = fastify()
    app.setNotFoundHandler((_, reply) => reply.code(404).send('ours'))
    app.addContentTypeParser('application/sdp', { parseAs: 'string' }, (_, body, done) => done(null, body))
    await app.register(server.signaling(options).fastify, { prefix: '/media' })
    return await listenFastify(t, app)
  },
  Hono: async (t, server, options) => {
    const app = new Hono()
    const signaling = server.signaling({ ...options, basePath: '/media' })
    app.all('/media/*', (c) =>
      signaling.fetch(c.req.raw, { remoteAddress: getConnInfo(c).remote.address, notFound: () => c.notFound() }),
    )
    app.notFound((c) => c.text('ours', 404))
    return await listenHono(t, app)
  },
}

async function listenFastify(t: ExecutionContext, app: ReturnType<typeof fastify>): Promise<string> {
  t.teardown(() => app.close())
  return await app.listen({ port: 0, host: '127.0.0.1' })
}

async function listenHono(t: ExecutionContext, app: Hono): Promise<string> {
  const http = serveHono({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server
  if (!http.listening) await once(http, 'listening')
  t.teardown(() => {
    http.closeAllConnections()
    http.close()
  })
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`
}

for (const [name, mount] of Object.entries(mounts)) {
  test(`${name}: a session from POST to DELETE, with the mount in its Location`, async (t) => {
    const server = await startServer(t)
    const url = await mount(t, server, { authorize: () => ({ iceServers: [{ urls: ['stun:a', 'stun:b'] }] }) })
    const created = await post(`${url}/media/whip/lobby`, PUBLISH)
    t.is(created.headers.get('link'), '<stun:a>; rel="ice-server", <stun:b>; rel="ice-server"')
    t.is(created.headers.get('content-type'), 'application/sdp')
    await server.stream('lobby')?.close()
    const { session, etag, answer } = await open(`${url}/media/whip/a/lobby?token=x`, PUBLISH)
    t.true(answer.startsWith('v=0\r\n'))
    t.regex(session.slice(url.length), /^\/media\/whip-session\/[\w.-]+$/)
    t.deepEqual(
      server.streams().map((stream) => stream.name),
      ['a/lobby'],
    )
    t.is((await patch(session, fragment(PUBLISH), { 'If-Match': etag })).status, 204)
    t.is((await patch(session, 'rubbish', { 'If-Match': etag })).status, 400)
    t.is((await fetch(session, { method: 'DELETE' })).status, 200)
    t.is((await fetch(session, { method: 'DELETE' })).status, 404)
    t.deepEqual(server.peers(), [])
  })

  test(`${name}: what is not the signaling's is the framework's`, async (t) => {
    const url = await mount(t, await startServer(t), { whep: false })
    for (const path of ['/', '/media', '/media/', '/media/whip/', '/media/other', '/media/whep/lobby', '/whip/lobby']) {
      const response = await fetch(`${url}${path}`)
      t.is(response.status, 404, path)
      t.is(await response.text(), 'ours', path)
    }
  })

  test(`${name}: refusals are the signaling's own`, async (t) => {
    const server = await startServer(t)
    const url = await mount(t, server, { maxBodyBytes: 10_000, authorize: ({ token }) => token === 'secret' })
    const bearer = { Authorization: 'Bearer secret' }
    t.is((await post(`${url}/media/whip/lobby`, PUBLISH)).status, 401)
    t.is((await post(`${url}/media/whip/lobby`, 'v'.repeat(20_000), bearer)).status, 413)
    const json = await post(`${url}/media/whip/lobby`, '{"audio":false}', {
      ...bearer,
      'Content-Type': 'application/json',
    })
    t.is(json.status, 415)
    t.like(await problemOf(json), { status: 415, title: 'Unsupported Media Type' })
    const untyped = await fetch(`${url}/media/whip/lobby`, {
      method: 'POST',
      headers: bearer,
      body: Buffer.from(PUBLISH),
    })
    t.is(untyped.status, 415)
    t.is((await post(`${url}/media/whip/lobby`, '', bearer)).status, 400)
    const put = await fetch(`${url}/media/whip/lobby`, { method: 'PUT', body: PUBLISH })
    t.is(put.status, 405)
    t.is(put.headers.get('allow'), 'OPTIONS, GET, HEAD, POST')
    t.deepEqual(server.peers(), [])
  })

  test(`${name}: preflight, discovery and the client's address`, async (t) => {
    const addresses: (string | undefined)[] = []
    const url = await mount(t, await startServer(t), {
      authorize: ({ remoteAddress, url }) => {
        addresses.push(remoteAddress, url)
        return false
      },
    })
    const preflight = await fetch(`${url}/media/whip/lobby`, { method: 'OPTIONS', headers: PREFLIGHT })
    t.is(preflight.status, 200)
    t.is(preflight.headers.get('access-control-allow-origin'), '*')
    t.is(preflight.headers.get('accept-post'), 'application/sdp')
    const head = await fetch(`${url}/media/whep/lobby`, { method: 'HEAD' })
    t.deepEqual([head.status, head.headers.get('content-type')], [200, 'application/sdp'])
    t.is((await fetch(`${url}/media/whip/lobby`)).status, 204)
    t.deepEqual(addresses, [])
    await post(`${url}/media/whip/lobby?a=1`, PUBLISH)
    t.deepEqual(addresses, ['127.0.0.1', '/media/whip/lobby?a=1'])
  })

  test(`${name}: forms of the XRTC routes are read, whoever parsed them`, async (t) => {
    const url = await mount(t, await startServer(t), { xrtc: {} })
    const uid = '18446744073709551615'
    const form = new URLSearchParams({ uid, streamName: 'a lobby & more', audio: '1', video: '1' })
    const response = await fetch(`${url}/media/signaling/push`, { method: 'POST', body: form })
    t.is(response.status, 200)
    t.like(await problemOf(response), { errNo: 0, data: { type: 'offer' } })
    const again = await fetch(`${url}/media/signaling/stoppush`, { method: 'POST', body: form })
    t.like(await problemOf(again), { errNo: 0 })
  })

  test(`${name}: pages know the mount`, async (t) => {
    const url = await mount(t, await startServer(t), { pages: true })
    const page = await fetch(`${url}/media/push/lobby`)
    t.is(page.status, 200)
    t.true((await page.text()).includes('<base href="/media/" />'))
    t.true((await (await fetch(`${url}/media/?token=x`)).text()).includes('<base href="/media/" />'))
    if (name !== 'Hono') {
      t.true((await (await fetch(`${url}/media?token=x`)).text()).includes('<base href="/media/" />'))
    }
    t.is((await fetch(`${url}/media/client/index.js`)).headers.get('content-type'), 'text/javascript; charset=utf-8')
    t.deepEqual(await problemOf(await fetch(`${url}/media/api/streams`)), { streams: [] })
  })
}

test('Fastify: the prefix may have parameters, and the app’s hooks see the answer', async (t) => {
  const server = await startServer(t)
  const app = fastify()
  const seen: number[] = []
  app.addHook('onResponse', async (_, reply) => void seen.push(reply.statusCode))
  app.addHook('onSend', async (_, reply) => void reply.header('X-App', 'yes'))
  await app.register(server.signaling({ basePath: '/live' }).fastify, { prefix: '/:tenant' })
  const url = await listenFastify(t, app)
  const { session } = await open(`${url}/acme/live/whip/lobby`, PUBLISH)
  t.regex(new URL(session).pathname, /^\/acme\/live\/whip-session\//)
  const response = await fetch(session, { method: 'DELETE' })
  t.is(response.status, 200)
  t.is(response.headers.get('x-app'), 'yes')
  t.deepEqual(seen.slice(0, 1), [201])
})

test('Fastify: a slash at the end of the prefix changes nothing', async (t) => {
  const app = fastify()
  await app.register((await startServer(t)).signaling().fastify, { prefix: '/media/' })
  const { session } = await open(`${await listenFastify(t, app)}/media/whip/lobby`, PUBLISH)
  t.regex(new URL(session).pathname, /^\/media\/whip-session\//)
  t.is((await fetch(session, { method: 'DELETE' })).status, 200)
})

test('HTTP/2: a session from POST to DELETE', async (t) => {
  const server = await startServer(t)
  const iceServers = [{ urls: ['stun:a', 'stun:b'] }]
  const { listener } = server.signaling({ maxBodyBytes: 10_000, authorize: () => ({ iceServers }) })
  const http = createHttp2Server(listener).listen(0, '127.0.0.1')
  await once(http, 'listening')
  const client = connectHttp2(`http://127.0.0.1:${(http.address() as AddressInfo).port}`)
  t.teardown(() => {
    client.close()
    http.close()
  })
  const send = async (method: string, path: string, body = ''): Promise<Record<string, unknown>> => {
    const stream = client.request({ ':method': method, ':path': path, 'content-type': 'application/sdp' })
    if (!stream.writableEnded) stream.end(body)
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
    stream.resume()
    await once(stream, 'end')
    return headers
  }
  const created = await send('POST', '/whip/lobby', PUBLISH)
  t.is(created[':status'], 201)
  t.is(created['content-type'], 'application/sdp')
  t.is(String(created['link']), '<stun:a>; rel="ice-server", <stun:b>; rel="ice-server"')
  t.is((await send('POST', '/whip/lobby', PUBLISH))[':status'], 409)
  t.is((await send('DELETE', String(created['location'])))[':status'], 200)
  t.is((await send('POST', '/whip/lobby', 'v'.repeat(20_000)))[':status'], 413)
  t.is((await send('GET', '/other'))[':status'], 404)
  t.deepEqual(server.peers(), [])
})

test('HTTP/2: a client that is gone before its answer leaves nothing', async (t) => {
  const server = await startServer(t, { publisherGraceMs: 0 })
  const { listener } = server.signaling()
  const http = createHttp2Server(async (request, response) => {
    const body = (await request.toArray()).join('')
    client.destroy()
    await once(response.stream, 'close')
    listener(Object.assign(request, { body }), response)
  }).listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.teardown(() => http.close())
  const client = connectHttp2(`http://127.0.0.1:${(http.address() as AddressInfo).port}`)
  const stream = client.request({ ':method': 'POST', ':path': '/whip/lobby', 'content-type': 'application/sdp' })
  const removed = once(server, 'peerremoved')
  stream.on('error', () => undefined).end(PUBLISH)
  const [{ reason }] = await removed
  t.is(reason, 'closed')
  t.deepEqual(server.peers(), [])
})

test('fetch: an aborted request leaves nothing, a body that was taken is told of', async (t) => {
  const server = await startServer(t, { publisherGraceMs: 0 })
  const { fetch: handle } = server.signaling()
  const headers = { 'Content-Type': 'application/sdp' }
  const gone = new AbortController()
  const request = new Request('http://a/whip/lobby', { method: 'POST', headers, body: PUBLISH, signal: gone.signal })
  const removed = once(server, 'peerremoved')
  server.once('peeradded', () => gone.abort())
  await handle(request)
  await removed
  t.deepEqual(server.peers(), [])

  const taken = new Request('http://a/whip/lobby', { method: 'POST', headers, body: PUBLISH })
  await taken.text()
  const refused = await handle(taken)
  t.is(refused.status, 400)
  t.regex(String((await problemOf(refused))['detail']), /clone/)
  t.is((await handle(new Request('http://a/other'))).status, 404)
})
