import test from 'ava'
import { request as rawRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import type { Authorize } from 'xrtc'
import { listen, offerOf, open, post, problemOf, startServer, startSite } from '../harness.ts'

const PUBLISH = offerOf('chromium-publish-vp8')

test('A1: a valid offer gives exactly 201 with an answer of CRLF lines, its type without parameters', async (t) => {
  const { url, server } = await startSite(t)
  const response = await post(`${url}/whip/lobby`, PUBLISH)
  t.is(response.status, 201)
  t.is(response.headers.get('content-type'), 'application/sdp')
  t.regex(await response.text(), /^v=0\r\n(?:[^\r\n]+\r\n)+$/)
  t.is(server.stream('lobby')?.publisher?.signalingState, 'stable')
})

test('A2: Location is an absolute path without a query, whose session answers DELETE', async (t) => {
  const { url } = await startSite(t)
  const response = await post(`${url}/whip/lobby?a=b`, PUBLISH)
  const location = response.headers.get('location') ?? ''
  t.regex(location, /^\/whip-session\/[\w.-]{22,}$/)
  t.is((await fetch(url + location, { method: 'DELETE' })).status, 200)
})

test('A12: the 201 has a quoted strong ETag, another one for each session', async (t) => {
  const { url } = await startSite(t)
  const tags = [(await open(`${url}/whip/a`, PUBLISH)).etag, (await open(`${url}/whip/b`, PUBLISH)).etag]
  for (const tag of tags) t.regex(tag, /^"[!#-~]+"$/)
  t.not(tags[0], tags[1])
})

test('A6: the answer is recvonly, for sendrecv too', async (t) => {
  const { url } = await startSite(t)
  const { answer } = await open(`${url}/whip/lobby`, PUBLISH.replaceAll('a=sendonly', 'a=sendrecv'))
  t.deepEqual(answer.match(/^a=(?:sendonly|recvonly|sendrecv|inactive)/gm), ['a=recvonly', 'a=recvonly'])
})

test('A3: a session’s name has at least 122 random bits and nothing in common with another one', async (t) => {
  const { url } = await startSite(t)
  const sessions = [await open(`${url}/whip/a`, PUBLISH), await open(`${url}/whip/b`, PUBLISH)]
  const ids = sessions.map(({ session }) => session.split('/').at(-1) ?? '')
  t.not(ids[0], ids[1])
  for (const id of ids) t.true(Buffer.from(id, 'base64url').length * 8 >= 122)
})

for (const type of ['application/sdp; charset=utf-8', 'Application/SDP', 'APPLICATION/SDP;x=y']) {
  test(`A5: the content type ${type} is taken`, async (t) => {
    const { url } = await startSite(t)
    t.is((await post(`${url}/whip/lobby`, PUBLISH, { 'Content-Type': type })).status, 201)
  })
}

const refusals: readonly (readonly [string, string, Record<string, string>, number])[] = [
  ['A4: JSON', '{}', { 'Content-Type': 'application/json' }, 415],
  ['A4: a fragment', PUBLISH, { 'Content-Type': 'application/trickle-ice-sdpfrag' }, 415],
  ['A4: an empty body', '', {}, 400],
  ['A4: garbage', 'garbage', {}, 400],
  ['A4: half an offer', PUBLISH.slice(0, 200), {}, 400],
  ['A4: an offer without media', PUBLISH.slice(0, PUBLISH.indexOf('m=')), {}, 400],
  ['A6: a viewer’s offer', offerOf('chromium-play'), {}, 422],
  ['A6: an inactive offer', PUBLISH.replaceAll('a=sendonly', 'a=inactive'), {}, 422],
  ['A27: two video tracks', `${PUBLISH}${again(PUBLISH)}`, {}, 422],
  ['a body over the limit', `${PUBLISH}${'a=x\r\n'.repeat(40_000)}`, {}, 413],
  ['a description over 65,536 bytes', `${PUBLISH}${'a=x\r\n'.repeat(14_000)}`, {}, 413],
  ['a compressed body', PUBLISH, { 'Content-Encoding': 'br' }, 415],
]
for (const [what, body, headers, status] of refusals) {
  test(`${what} is answered ${status} with a problem document and leaves nothing`, async (t) => {
    const { url, server, signaling } = await startSite(t)
    const response = await post(`${url}/whip/lobby`, body, headers)
    t.is(response.status, status)
    t.is(response.headers.get('content-type'), 'application/problem+json')
    t.is(response.headers.get('access-control-allow-origin'), '*')
    const problem = await problemOf(response)
    t.is(problem['status'], status)
    t.is(typeof problem['detail'], 'string')
    t.is(signaling.sessionCount, 0)
    t.deepEqual(server.streams(), [])
  })
}

test('A27: two ids of MediaStreams are one stream here', async (t) => {
  const { url, server } = await startSite(t)
  const [before = '', video = ''] = PUBLISH.split(/(?=^m=video)/m)
  await open(`${url}/whip/lobby`, before + video.replaceAll(/^a=msid:\S+/gm, 'a=msid:another'))
  t.is(server.stream('lobby')?.publisher?.signalingState, 'stable')
})

test('A27: no common codec is 422 for the whole offer and names both lists', async (t) => {
  const { url, signaling } = await startSite(t)
  const response = await post(`${url}/whip/lobby`, PUBLISH.replaceAll('VP8/90000', 'VP7/90000'))
  t.is(response.status, 422)
  const problem = await problemOf(response)
  t.like(problem, { code: 'XRTC_NO_COMMON_CODEC', kind: 'video' })
  t.regex(String(problem['live']), /VP8/)
  t.is(problem['offered'], '')
  t.regex(String(problem['detail']), /^no common video codec: the server has .*VP8.*; the peer has none that is known$/)
  t.is(signaling.sessionCount, 0)
})

test('a line that cannot be read is named', async (t) => {
  const { url } = await startSite(t)
  const problem = await problemOf(await post(`${url}/whip/lobby`, 'v=0\r\nnonsense\r\n'))
  t.like(problem, { code: 'XRTC_INVALID_DESCRIPTION', line: '2', reason: 'not of the form type=value' })
})

/** The offer's video section once more, under another mid. */
function again(offer: string): string {
  return offer.slice(offer.indexOf('m=video')).replace(/^a=mid:\S+/m, 'a=mid:again')
}

test('A6: the section whose direction does not fit is named', async (t) => {
  const { url } = await startSite(t)
  const at = PUBLISH.lastIndexOf('a=sendonly')
  const response = await post(`${url}/whip/lobby`, `${PUBLISH.slice(0, at)}a=recvonly${PUBLISH.slice(at + 10)}`)
  t.is(response.status, 422)
  t.like(await problemOf(response), { code: 'XRTC_UNSUPPORTED_DESCRIPTION', mid: '1' })
})

test('a stream name that breaks the rules is 400', async (t) => {
  const { url } = await startSite(t)
  for (const name of ['a%00b', 'a%2F%2Fb', '%FF', 'x'.repeat(257)]) {
    const response = await post(`${url}/whip/${name}`, PUBLISH)
    t.is(response.status, 400, name)
    t.is((await problemOf(response))['code'], 'XRTC_INVALID_STREAM_NAME')
  }
})

test('a stream name is decoded once', async (t) => {
  const { url, server } = await startSite(t)
  await open(`${url}/whip/%E7%9B%B4/a%252Fb`, PUBLISH)
  t.deepEqual(
    server.streams().map(({ name }) => name),
    ['直/a%2Fb'],
  )
})

test('a second publisher is refused with 409', async (t) => {
  const { url } = await startSite(t)
  await open(`${url}/whip/lobby`, PUBLISH)
  const response = await post(`${url}/whip/lobby`, PUBLISH)
  t.is(response.status, 409)
  t.is((await problemOf(response))['code'], 'XRTC_STREAM_IN_USE')
})

test('the same uid replaces its own publisher, another one does not', async (t) => {
  const { url, signaling } = await startSite(t)
  const first = await open(`${url}/whip/lobby?uid=tab-1`, PUBLISH)
  t.is((await post(`${url}/whip/lobby?uid=tab-2`, PUBLISH)).status, 409)
  await open(`${url}/whip/lobby?uid=tab-1`, PUBLISH)
  t.is(signaling.sessionCount, 1)
  t.is((await fetch(first.session)).status, 404)
})

test('A7: DELETE is 200, then 404, whatever If-Match says, and frees all that was held', async (t) => {
  const { url, server, signaling } = await startSite(t, {}, { publisherGraceMs: 0 })
  const before = await server.held()
  const { session } = await open(`${url}/whip/lobby`, PUBLISH)
  const remove = (): Promise<Response> => fetch(session, { method: 'DELETE', headers: { 'If-Match': '"other"' } })
  t.is((await remove()).status, 200)
  t.is((await remove()).status, 404)
  t.is(signaling.sessionCount, 0)
  t.deepEqual(server.peers(), [])
  if (server.stream('lobby') !== undefined) await new Promise((resolve) => server.once('streamremoved', resolve))
  t.deepEqual(await server.held(), before)
  t.is((await post(`${url}/whip/lobby`, PUBLISH)).status, 201)
})

test('A7: a session ends with its peer, and its DELETE is still answered 200 once', async (t) => {
  const { url, server, signaling } = await startSite(t)
  const { session } = await open(`${url}/whip/lobby`, PUBLISH)
  await server.stream('lobby')!.publisher!.close()
  t.is(signaling.sessionCount, 0)
  t.is((await server.held()).httpSessions, 0)
  t.is((await fetch(session)).status, 404)
  t.is((await fetch(session, { method: 'PATCH' })).status, 404)
  t.is((await fetch(session, { method: 'DELETE' })).status, 200)
  t.is((await fetch(session, { method: 'DELETE' })).status, 404)
})

test('A8: OPTIONS needs no authorization and says what there is', async (t) => {
  const { url } = await startSite(t, { authorize: () => false })
  const response = await fetch(`${url}/whip/lobby`, {
    method: 'OPTIONS',
    headers: { Origin: 'https://example.com', 'Access-Control-Request-Method': 'POST' },
  })
  t.is(response.status, 200)
  t.is(await response.text(), '')
  t.is(response.headers.get('access-control-allow-origin'), '*')
  t.regex(response.headers.get('access-control-allow-methods') ?? '', /POST.*PATCH.*DELETE/)
  t.regex(response.headers.get('access-control-allow-headers') ?? '', /Authorization, Content-Type, If-Match/)
  t.is(response.headers.get('accept-post'), 'application/sdp')
  const session = await fetch(`${url}/whip-session/unknown`, { method: 'OPTIONS' })
  t.is(session.status, 200)
  t.is(session.headers.get('accept-patch'), 'application/trickle-ice-sdpfrag')
})

test('A9: 201, errors and PATCH carry the CORS headers', async (t) => {
  const { url } = await startSite(t)
  const created = await post(`${url}/whip/lobby`, PUBLISH)
  const session = new URL(created.headers.get('location') ?? '', url)
  const responses = [
    created,
    await post(`${url}/whip/lobby`, PUBLISH),
    await fetch(session, { method: 'PATCH' }),
    await fetch(session, { method: 'DELETE' }),
    await fetch(session, { method: 'DELETE' }),
  ]
  t.deepEqual(
    responses.map(({ status }) => status),
    [201, 409, 415, 200, 404],
  )
  for (const { headers } of responses) {
    t.is(headers.get('access-control-allow-origin'), '*')
    for (const name of ['Location', 'Link', 'ETag', 'Retry-After', 'WWW-Authenticate']) {
      t.true(headers.get('access-control-expose-headers')?.split(', ').includes(name), name)
    }
  }
})

test('only the allowed origins get CORS headers', async (t) => {
  const { url } = await startSite(t, { cors: { origins: ['https://a.example'], maxAgeSeconds: 5 } })
  const ask = (origin: string): Promise<Response> =>
    fetch(`${url}/whip/lobby`, { method: 'OPTIONS', headers: { Origin: origin } })
  const allowed = await ask('https://a.example')
  t.is(allowed.headers.get('access-control-allow-origin'), 'https://a.example')
  t.is(allowed.headers.get('access-control-max-age'), '5')
  t.is(allowed.headers.get('vary'), 'Origin')
  t.is((await ask('https://b.example')).headers.get('access-control-allow-origin'), null)
})

test('cors: false sends no CORS header at all', async (t) => {
  const { url } = await startSite(t, { cors: false })
  const { headers } = await post(`${url}/whip/lobby`, PUBLISH)
  t.deepEqual(
    [...headers.keys()].filter((name) => name.startsWith('access-control')),
    [],
  )
})

test('A10: GET and HEAD of endpoint and session are 2xx and empty', async (t) => {
  const { url } = await startSite(t)
  const { session } = await open(`${url}/whip/lobby`, PUBLISH)
  for (const method of ['GET', 'HEAD']) {
    for (const address of [`${url}/whip/lobby`, session]) {
      const response = await fetch(address, { method })
      t.is(response.status, 204)
      t.is(await response.text(), '')
    }
  }
})

test('other methods are 405 with Allow and harm no session', async (t) => {
  const { url, signaling } = await startSite(t)
  const { session } = await open(`${url}/whip/lobby`, PUBLISH)
  const put = await fetch(`${url}/whip/lobby`, { method: 'PUT', body: PUBLISH })
  t.is(put.status, 405)
  t.is(put.headers.get('allow'), 'OPTIONS, GET, HEAD, POST')
  const mute = await fetch(session, { method: 'POST', body: '{"audio":false}' })
  t.is(mute.status, 405)
  t.is(signaling.sessionCount, 1)
})

const gate: Authorize = ({ token }, { action, stream }) => {
  if (token === 'root') return true
  if (token === 'viewer') return action === 'pull' ? true : 'forbidden'
  return token === `of-${stream}`
}

test('A11: no or a wrong token is 401 with a challenge, another one’s scope 403', async (t) => {
  const { url } = await startSite(t, { authorize: gate })
  const none = await post(`${url}/whip/lobby`, PUBLISH)
  t.is(none.status, 401)
  t.is(none.headers.get('www-authenticate'), 'Bearer realm="xrtc"')
  const wrong = await post(`${url}/whip/lobby`, PUBLISH, { Authorization: 'Bearer wrong' })
  t.is(wrong.status, 401)
  t.is(wrong.headers.get('www-authenticate'), 'Bearer realm="xrtc", error="invalid_token"')
  t.is((await post(`${url}/whip/lobby`, PUBLISH, { Authorization: 'Bearer viewer' })).status, 403)
  t.is((await post(`${url}/whip/lobby`, PUBLISH, { Authorization: 'bearer of-lobby' })).status, 201)
  t.is((await post(`${url}/whip/other`, PUBLISH, { Authorization: 'root' })).status, 201)
  t.is((await post(`${url}/whip/third?token=root&a=b`, PUBLISH)).status, 201)
})

test('A11: PATCH and DELETE need the same authorization', async (t) => {
  const { url, signaling } = await startSite(t, { authorize: gate })
  const { session } = await open(`${url}/whip/lobby`, PUBLISH, { Authorization: 'Bearer of-lobby' })
  for (const method of ['PATCH', 'DELETE']) {
    t.is((await fetch(session, { method })).status, 401)
    t.is((await fetch(session, { method, headers: { Authorization: 'Bearer of-other' } })).status, 401)
    t.is((await fetch(session, { method, headers: { Authorization: 'Bearer viewer' } })).status, 403)
  }
  t.is(signaling.sessionCount, 1)
  t.is((await fetch(session, { method: 'DELETE', headers: { Authorization: 'Bearer root' } })).status, 200)
})

test('A28: a token in the endpoint’s URL holds for its session', async (t) => {
  const { url } = await startSite(t, { authorize: gate })
  const { session } = await open(`${url}/whip/lobby?token=root`, PUBLISH)
  t.false(session.includes('?'))
  t.is((await fetch(session, { method: 'DELETE' })).status, 200)
})

test('authorize gives a publisher its identity', async (t) => {
  const { url, server } = await startSite(t, { authorize: ({ token }) => ({ identity: token ?? 'nobody' }) })
  await open(`${url}/whip/lobby?token=ann&uid=1`, PUBLISH)
  t.is(server.stream('lobby')?.publisher?.identity, 'ann')
  t.is((await post(`${url}/whip/lobby?token=bob&uid=1`, PUBLISH)).status, 409)
  t.is((await post(`${url}/whip/lobby?token=ann`, PUBLISH)).status, 201)
})

test('an authorize that throws is 500 without a word of why, and told of', async (t) => {
  const mistake = new Error('the database is away')
  const { url, server } = await startSite(t, { authorize: () => Promise.reject(mistake) })
  const errors: unknown[] = []
  server.on('listenererror', ({ error }) => errors.push(error))
  const response = await post(`${url}/whip/lobby`, PUBLISH)
  t.is(response.status, 500)
  t.false((await response.text()).includes('database'))
  t.deepEqual(errors, [mistake])
})

test('a body that does not arrive in time is 408', async (t) => {
  const { url, signaling } = await startSite(t, { requestTimeoutMs: 100 })
  const status = await new Promise((resolve, reject) => {
    const sent = rawRequest(`${url}/whip/lobby`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp', 'Content-Length': 1000 },
    })
    sent.on('response', (response) => resolve(response.resume().statusCode)).on('error', reject)
    sent.write('v=0\r\n')
  })
  t.is(status, 408)
  t.is(signaling.sessionCount, 0)
})

test('a client that is gone before its answer leaves nothing', async (t) => {
  let proceed: (allowed: boolean) => void = () => undefined
  const asked = new Promise<void>((resolve) => {
    t.context = { authorize: () => (resolve(), new Promise<boolean>((allow) => (proceed = allow))) }
  })
  const { authorize } = t.context as { authorize: Authorize }
  const server = await startServer(t, { publisherGraceMs: 0 })
  const { listener } = server.signaling({ authorize })
  let gone: () => void = () => undefined
  const seen = new Promise<void>((resolve) => (gone = resolve))
  const url = await listen(t, async (request: IncomingMessage & { body?: string }, response) => {
    response.once('close', gone)
    request.body = (await request.toArray()).join('')
    listener(request, response)
  })
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const head = `POST /whip/lobby HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\nContent-Length: ${PUBLISH.length}`
  socket.write(`${head}\r\n\r\n${PUBLISH}`)
  await asked
  const added = new Promise<void>((resolve) => server.once('peeradded', () => resolve()))
  const removed = new Promise<void>((resolve) => server.once('peerremoved', () => resolve()))
  socket.destroy()
  await seen
  proceed(true)
  await added
  await removed
  t.deepEqual(server.peers(), [])
})

test('a closed signaling ends its sessions and answers 503', async (t) => {
  const { url, server, signaling } = await startSite(t)
  const { session } = await open(`${url}/whip/lobby`, PUBLISH)
  await signaling.close()
  await signaling.close()
  t.is(signaling.sessionCount, 0)
  t.deepEqual(server.peers(), [])
  for (const response of [await post(`${url}/whip/lobby`, PUBLISH), await fetch(session, { method: 'DELETE' })]) {
    t.is(response.status, 503)
    t.truthy(response.headers.get('retry-after'))
  }
})
