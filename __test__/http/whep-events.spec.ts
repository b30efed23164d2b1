// WHEP's server-sent events: what a player asks for, what it reads, and when it ends.

import { once } from 'node:events'
import { createServer as createHttp2Server, connect as connectHttp2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import fastify from 'fastify'
import type { SignalingOptions } from 'xrtc'
import type { Site } from '../harness.ts'
import { offerOf, open, post, problemOf, startServer, startSite } from '../harness.ts'

const PUBLISH = offerOf('obs-publish-simulcast')
const PLAY = offerOf('chromium-play')
const REL = 'urn:ietf:params:whep:ext:core:server-sent-events'
const EVENTS: SignalingOptions = { whepExtensions: { events: true } }

interface Watched extends Site {
  readonly session: string
  readonly events: string
}

async function watch(t: ExecutionContext, options: SignalingOptions = EVENTS): Promise<Watched> {
  const site = await startSite(t, options)
  await open(`${site.url}/whip/lobby`, PUBLISH)
  const response = await post(`${site.url}/whep/lobby`, PLAY)
  t.is(response.status, 201)
  const session = new URL(response.headers.get('location') ?? '', site.url).href
  return { ...site, session, events: new URL(linkOf(response) ?? '', site.url).href }
}

function linkOf(response: Response): string | undefined {
  const link = response.headers.get('link') ?? ''
  return new RegExp(`<([^>]*)>; rel="${REL}"; events="active,inactive,layers,viewercount"`).exec(link)?.[1]
}

function ask(events: string, types: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const body = typeof types === 'string' ? types : JSON.stringify(types)
  return fetch(events, { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body })
}

async function eventStream(t: ExecutionContext, events: string, types: readonly string[]): Promise<string> {
  const response = await ask(events, types)
  t.is(response.status, 201)
  return new URL(response.headers.get('location') ?? '', events).href
}

/** The events of a response, as they come. */
async function* eventsOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<readonly [string, unknown], void> {
  let text = ''
  for await (const chunk of body) {
    text += Buffer.from(chunk).toString('utf8')
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const [, type, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? []
      if (type !== undefined) yield [type, JSON.parse(data ?? '')]
      else if (block !== ':') throw new Error(`neither an event nor a comment: ${block}`)
    }
  }
}

function readEvents(response: Response): AsyncGenerator<readonly [string, unknown], void> {
  return eventsOf(response.body as unknown as AsyncIterable<Uint8Array>)
}

test('A29: no extension is advertised or served unless it is enabled', async (t) => {
  const { url } = await startSite(t)
  await open(`${url}/whip/lobby`, PUBLISH)
  const response = await post(`${url}/whep/lobby`, PLAY)
  t.is(response.headers.get('link'), null)
  const session = new URL(response.headers.get('location') ?? '', url).href
  t.is((await ask(`${session}/events`, ['active'])).status, 404)
  t.is((await ask(`${session}/layer`, { mediaId: '0' })).status, 404)
})

test('A29: server-sent events have a Link line behind those of ICE servers, and for viewers only', async (t) => {
  const { url } = await startSite(t, { ...EVENTS, authorize: () => ({ iceServers: [{ urls: 'stun:a' }] }) })
  const published = await post(`${url}/whip/lobby`, PUBLISH)
  t.is(published.headers.get('link'), '<stun:a>; rel="ice-server"')
  const response = await post(`${url}/whep/lobby`, PLAY)
  t.regex(response.headers.get('link') ?? '', /^<stun:a>; rel="ice-server", <\/whep-session\/[^>]+\/events>; rel="urn/)
  t.truthy(linkOf(response))
})

test('B35: a player is told how things are and what changes', async (t) => {
  const { url, events, server } = await watch(t)
  const stream = await eventStream(t, events, ['active', 'inactive', 'layers', 'viewercount'])
  const response = await fetch(stream)
  t.is(response.status, 200)
  t.is(response.headers.get('content-type'), 'text/event-stream')
  t.is(response.headers.get('access-control-allow-origin'), '*')
  const seen = new Map<string, unknown>()
  let second = ''
  for await (const [type, data] of readEvents(response)) {
    seen.set(type, data)
    if (second === '' && seen.has('viewercount') && seen.has('layers')) {
      t.deepEqual(seen.get('viewercount'), { viewercount: 1 })
      t.deepEqual(seen.get('layers'), { 0: ['0', '1', '2'].map((rid) => ({ rid })) })
      second = (await open(`${url}/whep/lobby`, PLAY)).session
    } else if (second !== '' && type === 'viewercount') {
      t.deepEqual(data, { viewercount: 2 })
      break
    }
  }
  t.deepEqual([...seen.keys()].toSorted(), ['layers', 'viewercount'], 'nothing came yet, so it is not active')
  t.is(server.peers().length, 3)
})

const refusals: readonly (readonly [what: string, body: unknown, headers: Record<string, string>, status: number])[] = [
  ['one type that is not advertised', ['active', 'scte35'], {}, 400],
  ['a type that is not sent', ['reconnect'], {}, 400],
  ['no types', [], {}, 400],
  ['something else than an array', { active: true }, {}, 400],
  ['what is no JSON', '[active]', {}, 400],
  ['another media type', ['active'], { 'Content-Type': 'text/plain' }, 415],
  ['a body over the limit', JSON.stringify(Array(50_000).fill('active')), {}, 413],
]
for (const [what, body, headers, status] of refusals) {
  test(`B35: a request with ${what} is ${status} and makes no event stream`, async (t) => {
    const { events } = await watch(t)
    const response = await ask(events, body, headers)
    t.is(response.status, status)
    t.is(response.headers.get('location'), null)
    t.is((await problemOf(response))['status'], status)
  })
}

test('B35: DELETE destroys an event stream, which is 404 from then on', async (t) => {
  const { events } = await watch(t)
  const stream = await eventStream(t, events, ['viewercount'])
  const reader = await fetch(stream)
  t.is((await fetch(stream, { method: 'DELETE' })).status, 200)
  for await (const [type] of readEvents(reader)) t.is(type, 'viewercount')
  t.is((await fetch(stream, { method: 'DELETE' })).status, 404)
  t.is((await fetch(stream)).status, 404)
})

test('B35: event streams end with their session, and with the signaling', async (t) => {
  const { session, events, signaling, url } = await watch(t)
  const stream = await eventStream(t, events, ['viewercount'])
  const reader = readEvents(await fetch(stream))
  t.is((await fetch(session, { method: 'DELETE' })).status, 200)
  for await (const [type] of reader) t.is(type, 'viewercount')
  t.is((await fetch(stream)).status, 404)
  const other = await post(`${url}/whep/lobby`, PLAY)
  const last = await fetch(await eventStream(t, new URL(linkOf(other) ?? '', url).href, ['viewercount']))
  await signaling.close()
  for await (const [type] of readEvents(last)) t.is(type, 'viewercount')
})

test('B35: a later reader takes the place of the one before, and a session has four event streams', async (t) => {
  const { events } = await watch(t)
  const stream = await eventStream(t, events, ['viewercount'])
  const first = readEvents(await fetch(stream))
  t.deepEqual((await first.next()).value, ['viewercount', { viewercount: 1 }])
  const second = readEvents(await fetch(stream))
  t.deepEqual((await second.next()).value, ['viewercount', { viewercount: 1 }])
  t.true((await first.next()).done)
  for (let count = 1; count < 4; count += 1) await eventStream(t, events, ['active'])
  t.is((await ask(events, ['active'])).status, 409)
  await fetch(stream, { method: 'DELETE' })
  t.is((await ask(events, ['active'])).status, 201)
})

test('B35: making and destroying need authorization, reading needs the URL alone', async (t) => {
  const { url } = await startSite(t, { ...EVENTS, authorize: ({ token }) => token === 'secret' })
  const bearer = { Authorization: 'Bearer secret' }
  await open(`${url}/whip/lobby`, PUBLISH, bearer)
  const events = new URL(linkOf(await post(`${url}/whep/lobby`, PLAY, bearer)) ?? '', url).href
  t.is((await ask(events, ['active'])).status, 401)
  const created = await ask(events, ['active'], bearer)
  t.is(created.status, 201)
  const stream = new URL(created.headers.get('location') ?? '', url).href
  t.is((await fetch(stream, { method: 'HEAD' })).status, 200)
  t.is((await fetch(stream, { method: 'DELETE' })).status, 401)
  t.is((await fetch(stream, { method: 'DELETE', headers: bearer })).status, 200)
})

test('B35: other methods are 405, and OPTIONS says what there is', async (t) => {
  const { events } = await watch(t)
  const stream = await eventStream(t, events, ['active'])
  t.is((await fetch(events)).status, 405)
  t.is((await ask(stream, ['active'])).headers.get('allow'), 'OPTIONS, GET, HEAD, DELETE')
  t.is((await fetch(events, { method: 'OPTIONS' })).headers.get('accept-post'), 'application/json')
})

test('B35: Fastify writes events as they come', async (t) => {
  const server = await startServer(t)
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(server.signaling(EVENTS).fastify, { prefix: '/media' })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  await open(`${url}/media/whip/lobby`, PUBLISH)
  const { session } = await open(`${url}/media/whep/lobby`, PLAY)
  const stream = await eventStream(t, `${session}/events`, ['viewercount'])
  t.regex(stream, /\/media\/whep-session\/[^/]+\/events\/[\w-]{24}$/)
  const reader = readEvents(await fetch(stream))
  t.deepEqual((await reader.next()).value, ['viewercount', { viewercount: 1 }])
  t.is((await fetch(session, { method: 'DELETE' })).status, 200)
  t.true((await reader.next()).done)
})

test('B35: fetch gives events as a ReadableStream, and lets go of it when that is cancelled', async (t) => {
  const server = await startServer(t)
  const signaling = server.signaling(EVENTS)
  const send = (path: string, method: string, type: string, body?: string): Promise<Response> =>
    signaling.fetch(
      new Request(new URL(path, 'http://a'), { method, headers: { 'Content-Type': type }, body: body ?? null }),
    )
  await send('/whip/lobby', 'POST', 'application/sdp', PUBLISH)
  const opened = await send('/whep/lobby', 'POST', 'application/sdp', PLAY)
  const session = opened.headers.get('location') ?? ''
  const created = await send(`${session}/events`, 'POST', 'application/json', '["viewercount"]')
  const stream = created.headers.get('location') ?? ''
  const first = await send(stream, 'GET', 'text/plain')
  for await (const [type] of readEvents(first)) {
    t.is(type, 'viewercount')
    break
  }
  const second = readEvents(await send(stream, 'GET', 'text/plain'))
  t.deepEqual((await second.next()).value, ['viewercount', { viewercount: 1 }])
  await send(session, 'DELETE', 'text/plain')
  t.true((await second.next()).done)
})

test('B35: HTTP/2 writes events as they come', async (t) => {
  const server = await startServer(t)
  const http = createHttp2Server(server.signaling(EVENTS).listener).listen(0, '127.0.0.1')
  await once(http, 'listening')
  const client = connectHttp2(`http://127.0.0.1:${(http.address() as AddressInfo).port}`)
  t.teardown(async () => {
    // The test ends while the client takes in the last frame; Node.js 20 reads on in a stream that is destroyed meanwhile.
    await new Promise((resolve) => setImmediate(resolve))
    client.destroy()
    http.close()
  })
  const send = async (
    method: string,
    path: string,
    [type, body] = ['text/plain', ''],
  ): Promise<{ readonly location: string; readonly stream: AsyncIterable<Uint8Array> }> => {
    const stream = client.request({ ':method': method, ':path': path, 'content-type': type })
    if (!stream.writableEnded) stream.end(body)
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
    return { location: String(headers['location']), stream: stream as AsyncIterable<Uint8Array> }
  }
  await send('POST', '/whip/lobby', ['application/sdp', PUBLISH])
  const { location: session } = await send('POST', '/whep/lobby', ['application/sdp', PLAY])
  const { location } = await send('POST', `${session}/events`, ['application/json', '["viewercount"]'])
  const reader = eventsOf((await send('GET', location)).stream)
  t.deepEqual((await reader.next()).value, ['viewercount', { viewercount: 1 }])
  await send('DELETE', session)
  t.true((await reader.next()).done)
})
