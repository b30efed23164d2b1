// What the signaling takes from one client, and what it says when it takes no more.

import test from 'ava'
import { fragment, offerOf, open, patch, post, problemOf, startSite } from '../harness.ts'

const PUBLISH = offerOf('chromium-publish-vp8')
const PLAY = offerOf('chromium-play')
/** So slow that a test never sees it filled. */
const SLOW = 1 / 3_600

test('A26: POST, PATCH and DELETE of one address are limited: 429 with Retry-After; GET and preflights are not', async (t) => {
  const { url, signaling } = await startSite(t, { rateLimit: { perAddress: { perSecond: SLOW, burst: 3 } } })
  const { session, etag } = await open(`${url}/whip/lobby`, PUBLISH)
  t.is((await patch(session, fragment(PUBLISH), { 'If-Match': etag })).status, 204)
  t.is((await post(`${url}/whip/other`, 'garbage')).status, 400)
  const limited = [
    await post(`${url}/whip/lobby`, PUBLISH),
    await patch(session, fragment(PUBLISH), { 'If-Match': etag }),
    await fetch(session, { method: 'DELETE' }),
  ]
  for (const response of limited) {
    t.is(response.status, 429)
    const seconds = Number(response.headers.get('retry-after'))
    t.true(seconds > 3_500 && seconds <= 3_600, String(seconds))
    t.is(response.headers.get('access-control-allow-origin'), '*')
    t.is((await problemOf(response))['title'], 'Too Many Requests')
  }
  t.is((await fetch(session)).status, 204)
  const headers = { 'Access-Control-Request-Method': 'POST' }
  t.is((await fetch(`${url}/whip/lobby`, { method: 'OPTIONS', headers })).status, 200)
  t.is(signaling.sessionCount, 1)
})

test('A26: a limited client is let in again as time goes by', async (t) => {
  const { url } = await startSite(t, { rateLimit: { perAddress: { perSecond: 1, burst: 1 } } })
  const request = (): Promise<Response> => fetch(`${url}/whip-session/unknown`, { method: 'DELETE' })
  t.is((await request()).status, 404)
  const limited = await request()
  t.is(limited.status, 429)
  t.is(limited.headers.get('retry-after'), '1')
  // ava's timeout ends what waits in vain.
  while ((await request()).status === 429);
})

test('A26: each token has a limit of its own, whatever address it comes from', async (t) => {
  const perToken = { perSecond: SLOW, burst: 1 }
  const { url } = await startSite(t, { authorize: ({ token }) => token !== undefined, rateLimit: { perToken } })
  const push = (stream: string, token: string): Promise<Response> =>
    post(`${url}/whip/${stream}`, PUBLISH, { Authorization: `Bearer ${token}` })
  t.is((await push('a', 'ann')).status, 201)
  t.is((await push('b', 'ann')).status, 429)
  t.is((await post(`${url}/whip/b?token=ann`, PUBLISH)).status, 429)
  t.is((await push('b', 'bob')).status, 201)
})

test('A26: tokens made up to fill the table cannot: the oldest is forgotten, the address stays limited', async (t) => {
  const perAddress = { perSecond: SLOW, burst: 4 }
  const perToken = { perSecond: SLOW, burst: 1 }
  const { url } = await startSite(t, { rateLimit: { perAddress, perToken, remembered: 2 } })
  const statuses: number[] = []
  for (const token of ['a', 'b', 'c', 'a', 'd']) {
    statuses.push((await post(`${url}/whip/${token}?token=${token}`, 'garbage')).status)
  }
  t.deepEqual(statuses, [400, 400, 400, 400, 429])
})

test('rateLimit: false lets everything in', async (t) => {
  const { url } = await startSite(t, { rateLimit: false })
  const statuses = await Promise.all(
    Array.from(
      { length: 1_200 },
      async () => (await fetch(`${url}/whip-session/unknown`, { method: 'DELETE' })).status,
    ),
  )
  t.deepEqual(new Set(statuses), new Set([404]))
})

test('A26: a session whose ICE never starts is reaped', async (t) => {
  const { url, server, signaling } = await startSite(t, {}, { connectTimeoutMs: 1_000, publisherGraceMs: 0 })
  const before = await server.held()
  const removed = new Promise<string>((resolve) => server.once('peerremoved', ({ reason }) => resolve(reason)))
  const { session } = await open(`${url}/whip/lobby`, PUBLISH)
  t.is(await removed, 'iceTimeout')
  t.is(signaling.sessionCount, 0)
  t.is((await fetch(session)).status, 404)
  if (server.stream('lobby') !== undefined) await new Promise((resolve) => server.once('streamremoved', resolve))
  t.deepEqual(await server.held(), before)
})

test('A23: beyond a limit of the server the answer is 503 with Retry-After', async (t) => {
  const { url, signaling } = await startSite(t, { retryAfterSeconds: 7 }, { limits: { peers: 1 } })
  await open(`${url}/whip/lobby`, PUBLISH)
  const response = await post(`${url}/whep/lobby`, PLAY)
  t.is(response.status, 503)
  t.is(response.headers.get('retry-after'), '7')
  t.like(await problemOf(response), { code: 'XRTC_LIMIT_REACHED', limit: 'peers' })
  t.is(signaling.sessionCount, 1)
})

test('a description beyond its limit is 413, which names the limit and asks nobody to come again', async (t) => {
  const { url } = await startSite(t)
  const response = await post(`${url}/whip/lobby`, `${PUBLISH}${'a=x\r\n'.repeat(14_000)}`)
  t.is(response.status, 413)
  t.is(response.headers.get('retry-after'), null)
  t.like(await problemOf(response), {
    title: 'Content Too Large',
    code: 'XRTC_LIMIT_REACHED',
    limit: 'descriptionBytes',
    maximum: '65536',
  })
})

test('A23: a signaling that drains opens nothing, serves its sessions, and tells when the last is over', async (t) => {
  const { url, server, signaling } = await startSite(t)
  const { session, etag } = await open(`${url}/whip/lobby`, PUBLISH)
  let drained = false
  const draining = signaling.drain().then(() => (drained = true))
  for (const response of [await post(`${url}/whip/other`, PUBLISH), await post(`${url}/whep/lobby`, PLAY)]) {
    t.is(response.status, 503)
    t.is(response.headers.get('retry-after'), '2')
  }
  t.is((await patch(session, fragment(PUBLISH), { 'If-Match': etag })).status, 204)
  t.false(drained)
  t.is((await fetch(session, { method: 'DELETE' })).status, 200)
  t.true(await draining)
  t.deepEqual(server.peers(), [])
  await signaling.drain()
})

for (const rateLimit of [
  { perAddress: { perSecond: 0, burst: 1 } },
  { perAddress: { perSecond: 1, burst: 0.5 } },
  { perToken: { perSecond: 1 } },
  { remembered: 0 },
  { perHour: 1 },
]) {
  test(`signaling refuses rateLimit ${JSON.stringify(rateLimit)}`, async (t) => {
    const { server } = await startSite(t)
    t.throws(() => server.signaling({ rateLimit } as object), { code: 'XRTC_INVALID_ARGUMENT' })
  })
}
