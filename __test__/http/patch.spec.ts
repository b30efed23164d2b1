import test from 'ava'
import { fragment, offerOf, open, patch, problemOf, startSite } from '../harness.ts'

const PUBLISH = offerOf('chromium-publish-vp8')
const HOST = 'candidate:1 1 udp 2130706431 192.0.2.9 50000 typ host'
const NEW = { ufrag: 'abcd', pwd: 'abcdefghijklmnopqrstuvwx' }

test('candidates with the right If-Match are 204 without body and ETag', async (t) => {
  const { url } = await startSite(t)
  const { session, etag } = await open(`${url}/whip/lobby`, PUBLISH)
  const response = await patch(session, fragment(PUBLISH, { candidates: [HOST] }), { 'If-Match': etag })
  t.is(response.status, 204)
  t.is(response.headers.get('etag'), null)
  t.is(await response.text(), '')
})

test('candidates that cannot be used are left out silently', async (t) => {
  const { url } = await startSite(t)
  const { session, etag } = await open(`${url}/whip/lobby`, PUBLISH)
  const candidates = [
    'candidate:1 1 udp 2130706431 0d7ff5a4-4d04-4a0f-a4a4-a1a1a1a1a1a1.local 50000 typ host',
    'candidate:2 1 tcp 1518280447 192.0.2.9 9 typ host tcptype active',
    'candidate:3 1 udp 2130706431 2001:db8::9 50000 typ host',
    'candidate:4 1 udp 2130706431 media.example.com 50000 typ host',
    HOST,
    'end-of-candidates',
  ]
  t.is((await patch(session, fragment(PUBLISH, { candidates }), { 'If-Match': etag })).status, 204)
})

test('a missing If-Match is 428, a stale one 412', async (t) => {
  const { url } = await startSite(t)
  const { session } = await open(`${url}/whip/lobby`, PUBLISH)
  const body = fragment(PUBLISH, { candidates: [HOST] })
  t.is((await patch(session, body)).status, 428)
  t.is((await patch(session, body, { 'If-Match': '"stale"' })).status, 412)
  const response = await patch(session, body, { 'If-Match': 'W/"weak"' })
  t.is(response.status, 412)
  t.is(response.headers.get('access-control-allow-origin'), '*')
})

test('a lenient signaling takes a PATCH without If-Match, but no stale one', async (t) => {
  const { url } = await startSite(t, { lenientIfMatch: true })
  const { session } = await open(`${url}/whip/lobby`, PUBLISH)
  const body = fragment(PUBLISH, { candidates: [HOST] })
  t.is((await patch(session, body)).status, 204)
  t.is((await patch(session, body, { 'If-Match': '"stale"' })).status, 412)
})

test('If-Match may list tags', async (t) => {
  const { url } = await startSite(t)
  const { session, etag } = await open(`${url}/whip/lobby`, PUBLISH)
  const response = await patch(session, fragment(PUBLISH), { 'If-Match': `"a,b", ${etag}` })
  t.is(response.status, 204)
})

for (const star of ['*', '"*"']) {
  test(`If-Match: ${star} with the same credentials is no restart`, async (t) => {
    const { url } = await startSite(t)
    const { session } = await open(`${url}/whip/lobby`, PUBLISH)
    t.is((await patch(session, fragment(PUBLISH, { candidates: [HOST] }), { 'If-Match': star })).status, 204)
  })
}

test('other credentials are a restart: 200, our new credentials and candidates, a new ETag', async (t) => {
  const { url } = await startSite(t)
  const { session, etag, answer } = await open(`${url}/whip/lobby`, PUBLISH)
  const response = await patch(session, fragment(PUBLISH, NEW), { 'If-Match': '*' })
  t.is(response.status, 200)
  t.is(response.headers.get('content-type'), 'application/trickle-ice-sdpfrag')
  const reply = await response.text()
  const renewed = response.headers.get('etag') ?? ''
  t.regex(renewed, /^"[^"]+"$/)
  t.not(renewed, etag)
  const ufrag = (text: string): string | undefined => /a=ice-ufrag:(\S+)\r\n/.exec(text)?.[1]
  t.truthy(ufrag(reply))
  t.not(ufrag(reply), ufrag(answer))
  t.regex(reply, /a=ice-pwd:\S{22,}\r\n/)
  t.regex(reply, /a=candidate:/)
  const options = (text: string): readonly string[] => [...new Set(text.match(/^a=ice-(?:lite|options:.*)$/gm))]
  t.deepEqual(options(reply), options(answer))

  const more = fragment(PUBLISH, { ...NEW, candidates: [HOST] })
  t.is((await patch(session, more, { 'If-Match': etag })).status, 412)
  t.is((await patch(session, more, { 'If-Match': renewed })).status, 204)
})

test('a restart with the right tag is a restart too', async (t) => {
  const { url } = await startSite(t)
  const { session, etag } = await open(`${url}/whip/lobby`, PUBLISH)
  t.is((await patch(session, fragment(PUBLISH, NEW), { 'If-Match': etag })).status, 200)
})

test('overlapping PATCHes are served one after the other', async (t) => {
  const { url } = await startSite(t)
  const { session, etag } = await open(`${url}/whip/lobby`, PUBLISH)
  const restarts = Array.from({ length: 5 }, (_, index) =>
    patch(session, fragment(PUBLISH, { ufrag: `ufr${index}`, pwd: NEW.pwd }), { 'If-Match': etag }),
  )
  const statuses = (await Promise.all(restarts)).map(({ status }) => status).toSorted()
  t.deepEqual(statuses, [200, 412, 412, 412, 412])
})

const refusals: readonly (readonly [string, string, string, number])[] = [
  ['JSON', '{"candidate":""}', 'application/json', 415],
  ['an offer', PUBLISH, 'application/sdp', 415],
  ['garbage', 'garbage', 'application/trickle-ice-sdpfrag', 400],
  ['a fragment over the limit', `a=x:${'y'.repeat(200_000)}\r\n`, 'application/trickle-ice-sdpfrag', 413],
]
for (const [what, body, type, status] of refusals) {
  test(`${what} is ${status} and the session goes on`, async (t) => {
    const { url, signaling } = await startSite(t)
    const { session, etag } = await open(`${url}/whip/lobby`, PUBLISH)
    const response = await patch(session, body, { 'If-Match': etag, 'Content-Type': type })
    t.is(response.status, status)
    t.is((await problemOf(response))['status'], status)
    t.is(signaling.sessionCount, 1)
    t.is((await patch(session, fragment(PUBLISH), { 'If-Match': etag })).status, 204)
  })
}

test('an unknown session is 404', async (t) => {
  const { url } = await startSite(t)
  t.is(
    (await patch(`${url}/whip-session/AAAAAAAAAAAAAAAAAAAAAAAA`, fragment(PUBLISH), { 'If-Match': '*' })).status,
    404,
  )
})
