// The pages inside an app: below a mount of Express or Fastify, with JSON Web Tokens, and webhooks that tell of it all.

import test from 'ava'
import { once } from 'node:events'
import express from 'express'
import fastify from 'fastify'
import { SignJWT } from 'jose'
import { jwtAuthorize, turnCredentials } from 'xrtc'
import type { IceServer, WebhookEvent } from 'xrtc'
import { listen } from '../harness.ts'
import { openPull, openPush, startChromium, startSite } from './harness.ts'

const SECRET = 'a secret of thirty-two bytes, or more'

function tokenOf(claims: Record<string, unknown>): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('1h').sign(Buffer.from(SECRET))
}

test.serial(
  'below a mount of Express, with tokens; webhooks tell of streams and peers as they live and end',
  async (t) => {
    const { server } = await startSite(t, { publisherGraceMs: 60_000 })
    const app = express()
    app.use('/live', server.signaling({ pages: true, authorize: jwtAuthorize({ secret: SECRET }) }).listener)
    const site = { server, url: `${await listen(t, app)}/live` }
    const told: WebhookEvent[] = []
    const receiver = await listen(t, async (request, response) => {
      told.push(JSON.parse((await request.toArray()).join('')) as WebhookEvent)
      response.end()
    })
    const webhooks = server.webhooks({ url: receiver, secret: SECRET })

    const browser = await startChromium(t)
    const ann = await tokenOf({ sub: 'ann', xrtc: { push: 'ann/*' } })
    const bob = await tokenOf({ sub: 'bob', xrtc: { pull: '**' } })
    const push = await openPush(browser, site, 'ann/cam', `&token=${ann}`)
    t.is(server.stream('ann/cam')?.publisher?.identity, 'ann')
    await openPull(browser, site, 'ann/cam', `?token=${bob}`)
    await t.throwsAsync(() => openPush(browser, site, 'ann/cam', `&token=${bob}`), { message: /closed/ })
    const stream = server.stream('ann/cam')!
    await push.click('#stop')
    while (stream.publisher !== undefined) await once(stream, 'change')
    await server.close()
    t.like(webhooks.counters, { queued: 0, dropped: 0 })
    const about = (event: WebhookEvent): string =>
      'action' in event.data ? `${event.type} ${event.data.action}` : event.type
    t.deepEqual(
      told
        .filter((event) => event.data.stream === 'ann/cam')
        .map(about)
        .toSorted(),
      [
        ...['peer.added pull', 'peer.added push', 'peer.connected pull', 'peer.connected push'],
        ...['peer.removed pull', 'peer.removed push'],
        ...['stream.added', 'stream.live', 'stream.removed', 'stream.waiting'],
      ],
    )
    const order = told.map(({ type }) => type)
    t.true(order.indexOf('stream.added') < order.indexOf('stream.live'))
    t.true(order.indexOf('stream.live') < order.indexOf('stream.waiting'))
    t.true(order.indexOf('stream.waiting') < order.indexOf('stream.removed'))
  },
)

test.serial('the pages use the TURN servers that the server names', async (t) => {
  const { server } = await startSite(t)
  const minted = turnCredentials({ secret: 'north', urls: 'turn:127.0.0.1:9?transport=udp', identity: 'ann' })
  const { listener } = server.signaling({ pages: true, authorize: () => ({ iceServers: [minted] }) })
  const site = { server, url: await listen(t, listener) }
  const browser = await startChromium(t)
  for (const page of [await openPush(browser, site, 'lobby'), await openPull(browser, site, 'lobby')]) {
    const [used] = (await page.evaluate(`session.peerConnection.getConfiguration().iceServers`)) as readonly IceServer[]
    t.like(used, { username: minted.username, credential: minted.credential })
    t.deepEqual([used?.urls].flat(), [minted.urls])
  }
})

test.serial('below a prefix of Fastify', async (t) => {
  const { server } = await startSite(t)
  const app = fastify()
  await app.register(server.signaling({ pages: true }).fastify, { prefix: '/media' })
  const site = { server, url: `${await app.listen({ port: 0, host: '127.0.0.1' })}/media` }
  t.teardown(() => app.close())
  const browser = await startChromium(t)
  await openPush(browser, site, 'lobby')
  const pull = await openPull(browser, site, 'lobby')
  t.true(pull.url().endsWith('/media/pull/lobby'))
  t.is(server.peers().length, 2)
})
