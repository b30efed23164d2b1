import test from 'ava'
import type { ExecutionContext } from 'ava'
import { EventEmitter, once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import type { MediaServer, WebhookEvent, Webhooks, WebhooksOptions } from 'xrtc'
import { listen, offerOf, startServer } from '../harness.ts'

const SECRET = `whsec_${Buffer.from('a secret of thirty-two bytes, or').toString('base64')}`
const PUBLISH = offerOf('chromium-publish-vp8')
const PLAY = offerOf('chromium-play')

interface Delivery {
  readonly id: string
  readonly event: WebhookEvent
  readonly verified: boolean
  answer(status: number, headers?: Record<string, string>): void
}

/** A receiver of webhooks that answers when the test says so. */
class Inbox {
  readonly all: Delivery[] = []
  readonly #arrived = new EventEmitter()
  readonly #given = new Set<Delivery>()

  arrive(headers: Record<string, string>, body: string, response: ServerResponse): void {
    let verified = true
    try {
      new Webhook(SECRET).verify(body, headers)
    } catch {
      verified = false
    }
    const answer = (status: number, more: Record<string, string> = {}): void =>
      void response.writeHead(status, more).end()
    this.all.push({ id: headers['webhook-id'] ?? '', event: JSON.parse(body) as WebhookEvent, verified, answer })
    this.#arrived.emit('delivery')
  }

  /** The next delivery of that type, waiting for it if need be. */
  async next(type?: WebhookEvent['type'], stream?: string): Promise<Delivery> {
    for (;;) {
      const found = this.all.find(
        (delivery) =>
          !this.#given.has(delivery) &&
          (type === undefined || delivery.event.type === type) &&
          (stream === undefined || delivery.event.data.stream === stream),
      )
      if (found !== undefined) {
        this.#given.add(found)
        return found
      }
      await once(this.#arrived, 'delivery')
    }
  }
}

interface Scene {
  readonly server: MediaServer
  readonly inbox: Inbox
  readonly url: string
  readonly webhooks: Webhooks
}

async function start(t: ExecutionContext, options: Partial<WebhooksOptions> = {}): Promise<Scene> {
  const inbox = new Inbox()
  const url = await listen(t, async (request, response) => {
    const body = (await request.toArray()).join('')
    inbox.arrive(request.headers as Record<string, string>, body, response)
  })
  const server = await startServer(t, { publisherGraceMs: 0 })
  const webhooks = server.webhooks({ url, secret: SECRET, retryMinMs: 1, retryMaxMs: 5, flushMs: 1_000, ...options })
  return { server, inbox, url, webhooks }
}

async function settled({ webhooks }: Scene): Promise<void> {
  while (webhooks.counters.queued > 0) await new Promise((resolve) => setImmediate(resolve))
}

test('a publisher’s life is told in order, signed as Standard Webhooks are', async (t) => {
  const scene = await start(t)
  const { server, inbox } = scene
  const peer = await server.push('a/lobby', { offer: PUBLISH, identity: 'ann' })
  const viewer = await server.pull('a/lobby', { offer: PLAY })
  await viewer.close('enough')
  await peer.close()
  const types: string[] = []
  while (types.at(-1) !== 'stream.removed') {
    const { event, verified, answer } = await inbox.next()
    types.push(event.type)
    t.true(verified)
    t.is(event.data.stream, 'a/lobby')
    answer(204)
  }
  t.deepEqual(types.toSorted(), [
    ...['peer.added', 'peer.added', 'peer.removed', 'peer.removed'],
    ...['stream.added', 'stream.removed'],
  ])
  t.true(types.indexOf('stream.added') < types.indexOf('peer.removed'))
  const publisher = { stream: 'a/lobby', peer: peer.id, action: 'push', identity: 'ann' }
  const data = inbox.all.map(({ event }) => event)
  t.like(
    data.find(({ type }) => type === 'peer.added'),
    { data: publisher },
  )
  t.like(
    data.find((event) => event.type === 'peer.removed'),
    {
      data: { stream: 'a/lobby', peer: viewer.id, action: 'pull', reason: 'closed', detail: 'enough' },
    },
  )
  await settled(scene)
  t.like(scene.webhooks.counters, { queued: 0, delivered: 6, retried: 0, dropped: 0 })
})

test('a new stream is told of with its publisher, and so is streamadded', async (t) => {
  const { server, inbox } = await start(t, { events: ['stream.added'] })
  const told: unknown[] = []
  server.on('streamadded', ({ stream }) => told.push(stream.publisher))
  const peer = await server.push('lobby', { offer: PUBLISH, identity: 'ann' })
  t.deepEqual(told, [peer])
  const { event, answer } = await inbox.next('stream.added')
  answer(204)
  t.like(event.data, {
    stream: 'lobby',
    state: 'connecting',
    publisher: { stream: 'lobby', peer: peer.id, action: 'push', identity: 'ann' },
  })
})

test('what fails for a while is sent again under its name, and what comes after waits', async (t) => {
  const scene = await start(t, { events: ['peer.added', 'peer.removed'] })
  const { server, inbox } = scene
  const peer = await server.push('lobby', { offer: PUBLISH })
  await peer.close()
  const first = await inbox.next()
  for (const status of [500, 503, 429, 408]) {
    const { answer } = inbox.all.at(-1)!
    answer(status)
    const again = await inbox.next()
    t.is(again.id, first.id)
    t.true(again.verified)
  }
  inbox.all.at(-1)!.answer(200)
  const second = await inbox.next()
  t.is(second.event.type, 'peer.removed')
  second.answer(200)
  await settled(scene)
  t.like(scene.webhooks.counters, { delivered: 2, retried: 4 })
})

test('a secret may be any text, which Standard Webhooks call raw', async (t) => {
  const secret = 'a secret of twenty-four bytes, or more'
  const messages = new EventEmitter()
  const url = await listen(t, async (request, response) => {
    messages.emit('message', (await request.toArray()).join(''), request.headers)
    response.end()
  })
  const server = await startServer(t)
  server.webhooks({ url, secret, events: ['peer.added'] })
  const message = once(messages, 'message')
  await server.push('lobby', { offer: PUBLISH })
  const [body, headers] = (await message) as [string, Record<string, string>]
  const verified = new Webhook(secret, { format: 'raw' }).verify(body, headers)
  t.like(verified, { type: 'peer.added', data: { stream: 'lobby' } })
})

test('one stream that waits holds no other stream up', async (t) => {
  const { server, inbox } = await start(t, { events: ['peer.added'] })
  await server.push('slow', { offer: PUBLISH })
  await inbox.next('peer.added', 'slow')
  await server.push('other', { offer: PUBLISH })
  t.is((await inbox.next('peer.added', 'other')).event.data.stream, 'other')
})

test('Retry-After is kept', async (t) => {
  const { server, inbox } = await start(t, { events: ['peer.added'] })
  await server.push('lobby', { offer: PUBLISH })
  const { answer } = await inbox.next()
  const before = performance.now()
  answer(503, { 'Retry-After': '1' })
  await inbox.next()
  t.true(performance.now() - before > 950)
})

test('an answer that will not change is not asked for again', async (t) => {
  const scene = await start(t, { events: ['peer.added', 'peer.removed'] })
  const { server, inbox } = scene
  const peer = await server.push('lobby', { offer: PUBLISH })
  const first = await inbox.next()
  first.answer(302, { Location: 'http://127.0.0.1:1/' })
  await peer.close()
  const second = await inbox.next()
  t.not(second.id, first.id)
  second.answer(410)
  await settled(scene)
  t.like(scene.webhooks.counters, { refused: 2, retried: 0, delivered: 0 })
})

test('a receiver that does not answer in time is asked again', async (t) => {
  const { server, inbox, webhooks } = await start(t, { events: ['peer.added'], timeoutMs: 100 })
  await server.push('lobby', { offer: PUBLISH })
  const first = await inbox.next()
  const again = await inbox.next()
  t.is(again.id, first.id)
  t.is(webhooks.counters.retried, 1)
})

test('what is too old is given up', async (t) => {
  const scene = await start(t, { events: ['peer.added'], giveUpAfterMs: 0 })
  await scene.server.push('lobby', { offer: PUBLISH })
  const { answer } = await scene.inbox.next()
  answer(500)
  await settled(scene)
  t.like(scene.webhooks.counters, { abandoned: 1, retried: 0 })
})

test('more than the limit is dropped and counted', async (t) => {
  const { server, inbox, webhooks } = await start(t, { events: ['peer.added'], maxQueued: 2 })
  for (const name of ['a', 'b', 'c', 'd']) await server.push(name, { offer: PUBLISH })
  t.like(webhooks.counters, { queued: 2, dropped: 2 })
  ;(await inbox.next()).answer(200)
  ;(await inbox.next()).answer(200)
})

test('the server’s close delivers what waits, its own ends included', async (t) => {
  const { server, inbox, webhooks } = await start(t)
  await server.push('lobby', { offer: PUBLISH })
  const closing = server.close()
  const refused = await inbox.next()
  refused.answer(500)
  const types: string[] = []
  while (types.length < 4) {
    const { event, answer } = await inbox.next()
    types.push(event.type)
    answer(200)
  }
  await closing
  t.is(inbox.all.filter(({ id }) => id === refused.id).length, 2)
  t.deepEqual(types.toSorted(), ['peer.added', 'peer.removed', 'stream.added', 'stream.removed'])
  t.like(webhooks.counters, { queued: 0, delivered: 4, dropped: 0 })
  t.throws(() => server.webhooks({ url: 'http://a', secret: SECRET }), { code: 'XRTC_CLOSED' })
})

test('close gives up after flushMs, and drops what comes after', async (t) => {
  const { server, inbox, webhooks } = await start(t, { flushMs: 20 })
  const peer = await server.push('lobby', { offer: PUBLISH })
  await inbox.next()
  await webhooks.close()
  await webhooks.close()
  t.is(webhooks.counters.queued, 0)
  const { dropped } = webhooks.counters
  t.is(dropped, 2)
  await peer.close()
  t.is(webhooks.counters.dropped, dropped)
})

test('a receiver that is not there delays the server’s close by flushMs at most', async (t) => {
  const closed = createHttpServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as AddressInfo
  await new Promise((resolve) => closed.close(resolve))
  const server = await startServer(t)
  const webhooks = server.webhooks({ url: `http://127.0.0.1:${port}/`, secret: SECRET, flushMs: 50, retryMinMs: 1 })
  await server.push('lobby', { offer: PUBLISH })
  const before = performance.now()
  await server.close()
  t.true(performance.now() - before < 5_000)
  t.is(webhooks.counters.delivered, 0)
  t.is(webhooks.counters.dropped, 4)
})

const wrong: readonly object[] = [
  { url: 'ftp://a', secret: SECRET },
  { url: 'http://ann:pass@a', secret: SECRET },
  { url: 'http://a', secret: 'short' },
  { url: 'http://a', secret: 'whsec_c2hvcnQ=' },
  { url: 'http://a' },
  { url: 'http://a', secret: SECRET, events: ['stream.gone'] },
  { url: 'http://a', secret: SECRET, events: [] },
  { url: 'http://a', secret: SECRET, events: 'peer.added' },
  { url: 'http://a', secret: SECRET, maxQueued: 0 },
  { url: 'http://a', secret: SECRET, retries: 3 },
]

for (const options of wrong) {
  test(`webhooks refuses ${JSON.stringify(options)}`, async (t) => {
    const server = await startServer(t)
    t.throws(() => server.webhooks(options as WebhooksOptions), { code: 'XRTC_INVALID_ARGUMENT' })
  })
}
