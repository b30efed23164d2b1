import test from 'ava'
import { offerOf, open, post, problemOf, startSite } from '../harness.ts'

const PUBLISH = offerOf('chromium-publish-vp8')
const PLAY = offerOf('chromium-play')

test('B30: a valid offer gives 201 with a sendonly answer of one MediaStream', async (t) => {
  const { url } = await startSite(t)
  await open(`${url}/whip/lobby`, PUBLISH)
  const response = await post(`${url}/whep/lobby`, PLAY)
  t.is(response.status, 201)
  t.is(response.headers.get('content-type'), 'application/sdp')
  t.regex(response.headers.get('location') ?? '', /^\/whep-session\/[\w.-]{22,}$/)
  t.regex(response.headers.get('etag') ?? '', /^"[^"]+"$/)
  const answer = await response.text()
  t.regex(answer, /^v=0\r\n/)
  t.deepEqual(answer.match(/^a=(?:sendonly|recvonly|sendrecv|inactive)/gm), ['a=sendonly', 'a=sendonly'])
  const streams = [...answer.matchAll(/^a=msid:(\S+) \S+/gm)].map(([, stream]) => stream)
  t.is(streams.length, 2)
  t.is(new Set(streams).size, 1)
})

test('B31: a stream that nobody publishes is 409 with Retry-After', async (t) => {
  const { url } = await startSite(t, { retryAfterSeconds: 3 })
  const response = await post(`${url}/whep/lobby`, PLAY)
  t.is(response.status, 409)
  t.is(response.headers.get('retry-after'), '3')
  t.is((await problemOf(response))['code'], 'XRTC_UNKNOWN_STREAM')
})

const refusals: readonly (readonly [string, string, Record<string, string>, number])[] = [
  ['JSON', '{}', { 'Content-Type': 'application/json' }, 415],
  ['B33: an empty body', '', {}, 422],
  ['garbage', 'garbage', {}, 422],
  ['a publisher’s offer', PUBLISH, {}, 422],
  ['a body over the limit', `${PLAY}${'a=x\r\n'.repeat(40_000)}`, {}, 413],
  ['a description over 65,536 bytes', `${PLAY}${'a=x\r\n'.repeat(14_000)}`, {}, 413],
]
for (const [what, body, headers, status] of refusals) {
  test(`${what} is answered ${status}, never 400 or 406`, async (t) => {
    const { url, signaling } = await startSite(t)
    await open(`${url}/whip/lobby`, PUBLISH)
    const response = await post(`${url}/whep/lobby`, body, headers)
    t.is(response.status, status)
    t.is(response.headers.get('content-type'), 'application/problem+json')
    t.is(signaling.sessionCount, 1)
  })
}

test('A27: for a viewer, too, no common codec is 422 and names both lists', async (t) => {
  const { url } = await startSite(t)
  await open(`${url}/whip/lobby`, offerOf('chromium-publish-av1'))
  const response = await post(`${url}/whep/lobby`, offerOf('libdatachannel-play'))
  t.is(response.status, 422)
  const problem = await problemOf(response)
  t.is(problem['code'], 'XRTC_NO_COMMON_CODEC')
  t.regex(String(problem['live']), /AV1/)
  t.regex(String(problem['offered']), /H264/)
})

test('B32: HEAD names the type, GET has no content', async (t) => {
  const { url } = await startSite(t)
  const head = await fetch(`${url}/whep/lobby`, { method: 'HEAD' })
  t.is(head.status, 200)
  t.is(head.headers.get('content-type'), 'application/sdp')
  const get = await fetch(`${url}/whep/lobby`)
  t.is(get.status, 204)
  t.is(get.headers.get('content-type'), 'application/sdp')
})

test('B34: without counter-offers an answer by PATCH is 409', async (t) => {
  const { url } = await startSite(t)
  await open(`${url}/whip/lobby`, PUBLISH)
  const { session } = await open(`${url}/whep/lobby`, PLAY)
  const response = await fetch(session, {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/sdp' },
    body: PLAY,
  })
  t.is(response.status, 409)
})

test('a session is only known under its own protocol', async (t) => {
  const { url } = await startSite(t)
  const { session } = await open(`${url}/whip/lobby`, PUBLISH)
  t.is((await fetch(session.replace('whip-session', 'whep-session'), { method: 'DELETE' })).status, 404)
})

test('DELETE is 200, then 404, and the publisher stays', async (t) => {
  const { url, server } = await startSite(t)
  await open(`${url}/whip/lobby`, PUBLISH)
  const { session } = await open(`${url}/whep/lobby`, PLAY)
  t.is(server.stream('lobby')?.viewers.length, 1)
  t.is((await fetch(session, { method: 'DELETE' })).status, 200)
  t.is((await fetch(session, { method: 'DELETE' })).status, 404)
  t.deepEqual(server.stream('lobby')?.viewers, [])
  t.truthy(server.stream('lobby')?.publisher)
})
