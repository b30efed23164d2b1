import test from 'ava'
import { fragment, offerOf, open, patch, problemOf, startSite } from '../harness.ts'

const PUBLISH = offerOf('chromium-publish-vp8')
const HOST = 'candidate:1 1 udp 2130706431 192.0.2.9 50000 typ host'
const NEW = { ufrag: 'abcd', pwd: 'abcdefghijklmnopqrstuvwx' }

test('A13: candidates with the right If-Match are 204 without body and ETag', async (t) => {
  const { url } = await startSite(t)
  const { session, etag } = await open(`${url}/whip/lobby`, PUBLISH)
  const response = await patch(session, fragment(PUBLISH, { candidates: [HOST] }), { 'If-Match': etag })
  t.is(response.status, 204)
  t.is(response.headers.get('etag'), null)
  t.is(await response.text(), '')
})

test('A20: candidates over TCP, of names, mDNS and unreachable networks are left out silently', async (t) => {
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

test('A14: a missing If-Match is 428, a stale one 412', async (t) => {
  const { url } = await startSite(t)
  const { session } = await open(`${url}/whip/lobby`, PUBLISH)
  const body = fragment(PUBLISH, { candidates: [HOST] })
  t.is((await patch(session, body)).status, 428)
  t.is((await patch(session, body, { 'If-Match': '"stale"' })).status, 412)
  const response = await patch(session, body, { 'If-Match': 'W/"weak"' })
  t.is(response.status, 412)
  t.is(response.headers.get('access-control-allow-origin'), '*')
})

test('A14: a lenient signaling takes a PATCH without If-Match, but no stale one', async (t) => {
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
  test(`A15: If-Match: ${star} with the same credentials is no restart`, async (t) => {
    const { url } = await startSite(t)
    const { session } = await open(`${url}/whip/lobby`, PUBLISH)
    t.is((await patch(session, fragment(PUBLISH, { candidates: [HOST] }), { 'If-Match': star })).status, 204)
  })
}

test('A16: other credentials are a restart: 200, our new credentials and candidates, a new ETag', async (t) => {
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
})

test('A17: a restart’s reply repeats ice-lite and ice-options, and the old ETag is worth nothing', async (t) => {
  const { url } = await startSite(t)
  const { session, etag, answer } = await open(`${url}/whip/lobby`, PUBLISH)
  const response = await patch(session, fragment(PUBLISH, NEW), { 'If-Match': etag })
  t.is(response.status, 200)
  const options = (text: string): readonly string[] => [...new Set(text.match(/^a=ice-(?:lite|options:.*)$/gm))]
  const expected = options(answer)
  t.true(expected.length > 0)
  t.deepEqual(options(await response.text()), expected)
  const renewed = response.headers.get('etag') ?? ''
  const more = fragment(PUBLISH, { ...NEW, candidates: [HOST] })
  t.is((await patch(session, more, { 'If-Match': etag })).status, 412)
  t.is((await patch(session, more, { 'If-Match': renewed })).status, 204)
})

test('A18: a restart that fails changes nothing: the ICE session and its ETag go on', async (t) => {
  const { url, server } = await startSite(t)
  const { session, etag } = await open(`${url}/whip/lobby`, PUBLISH)
  const peer = server.stream('lobby')!.publisher!
  const [iceSession, remote] = [peer.iceSession, peer.remoteDescription]
  const failing = [
    fragment(PUBLISH, { ufrag: 'abcd', pwd: 'too-short' }),
    fragment(PUBLISH, NEW).replace(/a=ice-pwd:.*\r\n/, ''),
    fragment(PUBLISH, NEW).replace('m=audio 9 ', 'm=audio '),
  ]
  for (const body of failing) {
    const response = await patch(session, body, { 'If-Match': '*' })
    t.is(response.status, 400)
    const problem = await problemOf(response)
    t.is(problem['code'], 'XRTC_INVALID_FRAGMENT')
    t.true(Number(problem['line']) >= 1, String(problem['line']))
  }
  t.is(peer.iceSession, iceSession)
  t.is(peer.remoteDescription, remote)
  t.is((await patch(session, fragment(PUBLISH), { 'If-Match': etag })).status, 204)
})

test('A16: another password alone is a restart, and the same user name goes on', async (t) => {
  const { url } = await startSite(t)
  const { session, etag } = await open(`${url}/whip/lobby`, PUBLISH)
  const body = fragment(PUBLISH, { pwd: NEW.pwd, candidates: [HOST] })
  const response = await patch(session, body, { 'If-Match': etag })
  t.is(response.status, 200)
  t.is((await patch(session, body, { 'If-Match': response.headers.get('etag') ?? '' })).status, 204)
})

const CREDENTIALS = /a=ice-ufrag:\S+\r\na=ice-pwd:\S+\r\n/.exec(PUBLISH)?.[0] ?? ''
const VIDEO = 'm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:1\r\n'
const forms: readonly (readonly [string, string])[] = [
  ['simple-whip-client’s m-line', `${CREDENTIALS}m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=${HOST}\r\n`],
  ['credentials in the section', `m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n${CREDENTIALS}a=${HOST}\r\n`],
  ['only the end of candidates', `${CREDENTIALS}m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=end-of-candidates\r\n`],
  ['several sections', `${fragment(PUBLISH, { candidates: [HOST] })}${VIDEO}a=${HOST}\r\na=end-of-candidates\r\n`],
  [
    'credentials in each section',
    `m=audio 9 RTP/AVP 0\r\na=mid:0\r\n${CREDENTIALS}a=${HOST}\r\n${VIDEO}${CREDENTIALS}`,
  ],
  ['line feeds alone', fragment(PUBLISH, { candidates: [HOST] }).replaceAll('\r', '')],
  ['no section at all', `${CREDENTIALS}a=${HOST}\r\n`],
]
for (const [what, body] of forms) {
  test(`A21: a fragment with ${what} is taken`, async (t) => {
    const { url } = await startSite(t)
    const { session, etag } = await open(`${url}/whip/lobby`, PUBLISH)
    t.is((await patch(session, body, { 'If-Match': etag })).status, 204)
  })
}

test('A21: a fragment may have 32 sections, and no more', async (t) => {
  const { url } = await startSite(t)
  const { session, etag } = await open(`${url}/whip/lobby`, PUBLISH)
  const sections = (count: number): string =>
    Array.from({ length: count }, (_, mid) => `m=audio 9 RTP/AVP 0\r\na=mid:${mid}\r\na=${HOST}\r\n`).join('')
  t.is((await patch(session, CREDENTIALS + sections(32), { 'If-Match': etag })).status, 204)
  t.is((await patch(session, CREDENTIALS + sections(33), { 'If-Match': etag })).status, 400)
})

test('A22: a candidate that arrives after the restart it was sent before is 412, even with If-Match: *', async (t) => {
  const { url, server } = await startSite(t)
  const { session } = await open(`${url}/whip/lobby`, PUBLISH)
  const peer = server.stream('lobby')!.publisher!
  t.is((await patch(session, fragment(PUBLISH, NEW), { 'If-Match': '*' })).status, 200)
  const { iceSession } = peer
  const late = await patch(session, fragment(PUBLISH, { candidates: [HOST] }), { 'If-Match': '*' })
  t.is(late.status, 412)
  t.is(peer.iceSession, iceSession)
  const more = fragment(PUBLISH, { ...NEW, candidates: [HOST] })
  t.is((await patch(session, more, { 'If-Match': '*' })).status, 204)
})

test('A22: of overlapping restarts with one ETag a single one is done', async (t) => {
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
  ['a fragment over 65,536 bytes', `a=x:${'y'.repeat(70_000)}\r\n`, 'application/trickle-ice-sdpfrag', 413],
  ['a body over the limit', `a=x:${'y'.repeat(200_000)}\r\n`, 'application/trickle-ice-sdpfrag', 413],
]
for (const [what, body, type, status] of refusals) {
  test(`A19: ${what} is ${status} and the session goes on`, async (t) => {
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
