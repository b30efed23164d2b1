import test from 'ava'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { listen, offerOf, open, post, problemOf, startServer, startSite } from '../harness.ts'

const PUBLISH = offerOf('chromium-publish-vp8')

test('unknown paths go to next, or are 404', async (t) => {
  const { server, url } = await startSite(t)
  for (const path of ['/', '/whip', '/whip/', '/push/lobby', '/api/streams', '/client/index.js', '/other']) {
    const response = await fetch(`${url}${path}`)
    t.is(response.status, 404, path)
    t.is((await problemOf(response))['status'], 404)
  }
  const { listener } = server.signaling()
  const behind = await listen(t, (request, response) => listener(request, response, () => response.end('next')))
  t.is(await (await fetch(`${behind}/other`)).text(), 'next')
  t.is((await post(`${behind}/whip/lobby`, PUBLISH)).status, 201)
})

test('basePath is a prefix of every path, Location included', async (t) => {
  const { url } = await startSite(t, { basePath: '/media/v1' })
  t.is((await post(`${url}/whip/lobby`, PUBLISH)).status, 404)
  const response = await post(`${url}/media/v1/whip/lobby`, PUBLISH)
  t.is(response.status, 201)
  t.regex(response.headers.get('location') ?? '', /^\/media\/v1\/whip-session\//)
  t.is((await fetch(new URL(response.headers.get('location') ?? '', url), { method: 'DELETE' })).status, 200)
})

// What Connect and Express do: they take the mount's path off `url` and keep the whole in `originalUrl`.
test('behind a mount of Connect or Express the Location has the mount’s path', async (t) => {
  const server = await startServer(t)
  const { listener } = server.signaling()
  const url = await listen(t, (request: IncomingMessage & { originalUrl?: string }, response: ServerResponse) => {
    request.originalUrl = request.url ?? ''
    request.url = request.originalUrl.slice('/app'.length)
    listener(request, response)
  })
  const { session } = await open(`${url}/app/whip/lobby?token=x`, PUBLISH)
  t.regex(new URL(session).pathname, /^\/app\/whip-session\//)
  t.is((await fetch(session, { method: 'DELETE' })).status, 200)
})

test('a body that a parser read before is taken', async (t) => {
  const server = await startServer(t)
  const { listener } = server.signaling()
  const url = await listen(t, (request: IncomingMessage & { body?: string }, response) => {
    let text = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => (text += chunk))
    request.on('end', () => {
      request.body = text
      listener(request, response)
    })
  })
  t.is((await post(`${url}/whip/lobby`, PUBLISH)).status, 201)
})

test('two signalings of one server share streams and count their own sessions', async (t) => {
  const { server, signaling, url } = await startSite(t)
  const other = server.signaling({ basePath: '/b' })
  const otherUrl = await listen(t, other.listener)
  await open(`${url}/whip/lobby`, PUBLISH)
  await open(`${otherUrl}/b/whep/lobby`, offerOf('chromium-play'))
  t.is(signaling.sessionCount, 1)
  t.is(other.sessionCount, 1)
  t.is((await server.held()).httpSessions, 2)
  await other.close()
  t.is((await server.held()).httpSessions, 1)
})

for (const options of [
  { basePath: 'media' },
  { basePath: '/media/' },
  { maxBodyBytes: 0 },
  { page: true },
  { authorize: 1 },
  { whip: 'yes' },
  { processTag: 'a.b' },
  { publicUrl: '/live' },
  { publicUrl: 'https://a.example/' },
  { publicUrl: 'https://a.example/?x' },
  { cors: true },
  { cors: { origin: '*' } },
  { cors: { origins: 'https://a.example' } },
  { cors: { origins: ['https://a.example/'] } },
  { cors: { origins: ['a.example'] } },
  { cors: { maxAgeSeconds: '5' } },
  { trustProxy: true },
  { trustProxy: '10.0.0.0/8' },
  { trustProxy: 1.5 },
  { trustProxy: ['10.0.0.0/40'] },
  { trustProxy: ['a.example'] },
]) {
  test(`signaling refuses ${JSON.stringify(options)}`, async (t) => {
    const server = await startServer(t)
    t.throws(() => server.signaling(options as object), { code: 'XRTC_INVALID_ARGUMENT' })
  })
}

test('signaling takes origins of every kind that browsers write', async (t) => {
  const server = await startServer(t)
  const origins = ['https://a.example', 'http://[::1]:8080', 'capacitor://localhost', 'null']
  t.notThrows(() => server.signaling({ cors: { origins, maxAgeSeconds: 0 } }))
})
