// What a client is told beside its answer: ICE servers in `Link`, and where to go instead.

import test from 'ava'
import { request } from 'node:http'
import type { Authorize, Grant } from 'xrtc'
import { offerOf, open, post, startSite } from '../harness.ts'
import type { Lines, ReadServer } from './header-parsers.ts'
import {
  locationAsEyevinn,
  locationAsObs,
  readAsMediaMtx,
  readAsMedooze,
  readAsObs,
  readAsSimpleWhipClient,
} from './header-parsers.ts'

const PUBLISH = offerOf('chromium-publish-vp8')
const PLAY = offerOf('chromium-play')

// As TURN's time-limited credentials are (draft-uberti-behave-turn-rest): a time with a name, and base64.
const SECRET = { username: '1767225600:ann', credential: 'u7R+/3Ksd0iSx1aGz9Wq=' }
const TURN = 'turn:turn.example.com:3478?transport=udp'
const TURNS = 'turns:turn.example.com:443?transport=tcp'
const STUN = 'stun:[2001:db8::1]:3478'
const GRANT: Grant = { iceServers: [{ urls: [TURNS, TURN], ...SECRET }, { urls: STUN }] }

/** The status and the raw header lines of a POST: `fetch` would join them. */
function postRaw(url: string, offer: string): Promise<{ readonly status: number; readonly lines: Lines }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers: { 'Content-Type': 'application/sdp' } })
    sent.on('error', reject).on('response', (response) => {
      const { rawHeaders: raw, statusCode: status = 0 } = response.resume()
      const lines = Array.from(
        { length: raw.length / 2 },
        (_, at) => [raw[2 * at] ?? '', raw[2 * at + 1] ?? ''] as const,
      )
      response.on('end', () => resolve({ status, lines }))
    })
    sent.end(offer)
  })
}

test('A24: each ICE server has a Link line of its own, turn before turns', async (t) => {
  const { url } = await startSite(t, { authorize: () => GRANT })
  const links = async (endpoint: string, offer: string): Promise<readonly string[]> => {
    const { status, lines } = await postRaw(endpoint, offer)
    t.is(status, 201)
    return lines.filter(([name]) => name === 'Link').map(([, value]) => value)
  }
  const terms = `rel="ice-server"; username="${SECRET.username}"; credential="${SECRET.credential}"; credential-type="password"`
  const expected = [`<${STUN}>; rel="ice-server"`, `<${TURN}>; ${terms}`, `<${TURNS}>; ${terms}`]
  t.deepEqual(await links(`${url}/whip/lobby`, PUBLISH), expected)
  t.deepEqual(await links(`${url}/whep/lobby`, PLAY), expected)
})

const all: readonly ReadServer[] = [{ url: STUN }, { url: TURN, ...SECRET }, { url: TURNS, ...SECRET }]
for (const [client, read, expected] of [
  // OBS knows no turns: at all.
  ['OBS', readAsObs, all.slice(0, 2)],
  ['medooze', readAsMedooze, all],
  ['MediaMTX', readAsMediaMtx, all],
  ['simple-whip-client', readAsSimpleWhipClient, all],
] as const) {
  test(`A24: ${client} reads the ICE servers`, async (t) => {
    const { url } = await startSite(t, { authorize: () => GRANT })
    t.deepEqual(read((await postRaw(`${url}/whip/lobby`, PUBLISH)).lines), expected)
  })
}

test('A24: without ICE servers there is no Link line', async (t) => {
  const { url } = await startSite(t)
  t.is((await post(`${url}/whip/lobby`, PUBLISH)).headers.get('link'), null)
})

test('A2: OBS and Eyevinn’s players find the session by its Location', async (t) => {
  const { url } = await startSite(t)
  for (const locate of [locationAsObs, locationAsEyevinn]) {
    const endpoint = `${url}/whip/lobby?token=x&app=live`
    const response = await post(endpoint, PUBLISH)
    const session = locate(endpoint, response.headers.get('location') ?? '')
    t.is((await fetch(session, { method: 'DELETE' })).status, 200)
  }
})

test('A25: a preflight asks nobody and so mints no TURN credentials; a plain OPTIONS may be told the ICE servers', async (t) => {
  const asked: string[] = []
  const authorize: Authorize = ({ method, token }) => {
    asked.push(method)
    return token === 'ann' ? GRANT : false
  }
  const { url } = await startSite(t, { authorize })
  const options = (headers: Record<string, string>): Promise<Response> =>
    fetch(`${url}/whep/lobby`, { method: 'OPTIONS', headers })
  const preflight = await options({ 'Access-Control-Request-Method': 'POST', Authorization: 'Bearer ann' })
  t.is(preflight.status, 200)
  t.is(preflight.headers.get('link'), null)
  t.deepEqual(asked, [])
  const stranger = await options({})
  t.is(stranger.status, 200)
  t.is(stranger.headers.get('link'), null)
  const known = await options({ Authorization: 'Bearer ann' })
  t.is(known.status, 200)
  t.is(known.headers.get('access-control-allow-origin'), '*')
  t.deepEqual(readAsMediaMtx([['link', known.headers.get('link') ?? '']]), all)
})

test('A23: a redirect is 307 with CORS headers, opens nothing, and fetch follows it with offer and token', async (t) => {
  const there = await startSite(t, { authorize: ({ token }) => token === 'ann' })
  const redirect = `${there.url}/whip/lobby?app=live`
  const here = await startSite(t, { authorize: () => ({ redirect }) })
  const response = await fetch(`${here.url}/whip/lobby`, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'Content-Type': 'application/sdp', Authorization: 'Bearer ann' },
    body: PUBLISH,
  })
  t.is(response.status, 307)
  t.is(response.headers.get('location'), redirect)
  t.is(response.headers.get('access-control-allow-origin'), '*')
  t.is(here.signaling.sessionCount, 0)
  // Fetch drops `Authorization` when the origin changes, so the token goes in the URL here.
  const elsewhere = await startSite(t, { authorize: () => ({ redirect: `${redirect}&token=ann` }) })
  const followed = await post(`${elsewhere.url}/whip/lobby`, PUBLISH)
  t.is(followed.status, 201)
  t.is(followed.url, `${redirect}&token=ann`)
  t.is(there.signaling.sessionCount, 1)
  t.is((await fetch(new URL(followed.headers.get('location') ?? '', followed.url), { method: 'DELETE' })).status, 200)
})

test('A28: an endpoint’s query reaches authorize as it was sent, and its token is the bearer’s', async (t) => {
  const seen: string[] = []
  const authorize: Authorize = ({ url, token }) => {
    seen.push(url)
    return token === 'se cret'
  }
  const { url } = await startSite(t, { authorize })
  const path = '/whip/lobby?app=live&stream=a%2Fb&token=se%20cret&x=&x=1'
  const { session } = await open(`${url}${path}`, PUBLISH)
  t.deepEqual(seen, [path])
  t.false(session.includes('?'))
  t.is((await post(`${url}/whip/other?token=wrong`, PUBLISH)).status, 401)
})
