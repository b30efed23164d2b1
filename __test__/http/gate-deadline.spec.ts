import test from 'ava'
import { EventEmitter, once } from 'node:events'
import type { AuthorizeResult } from 'xrtc'
import { offerOf, post, problemOf, startSite } from '../harness.ts'

const PUBLISH = offerOf('chromium-publish-vp8')
const never = (): Promise<AuthorizeResult> => new Promise(() => undefined)

test('an authorize that never settles is 503 with Retry-After, and told of', async (t) => {
  const { url, server } = await startSite(t, { authorize: never, requestTimeoutMs: 50, retryAfterSeconds: 7 })
  const told = once(server, 'listenererror')
  const response = await post(`${url}/whip/lobby`, PUBLISH)
  t.is(response.status, 503)
  t.is(response.headers.get('retry-after'), '7')
  t.is((await problemOf(response))['code'], 'XRTC_OVERLOADED')
  const [{ error, event }] = await told
  t.is(event, 'request')
  t.regex(error.message, /authorize/)
})

test('through fetch it is bounded as well', async (t) => {
  const { signaling } = await startSite(t, { authorize: never, requestTimeoutMs: 50 })
  const headers = { 'Content-Type': 'application/sdp' }
  const request = new Request('http://a.example/whip/lobby', { method: 'POST', headers, body: PUBLISH })
  t.is((await signaling.fetch(request)).status, 503)
})

test('in the XRTC routes it is overloaded', async (t) => {
  const { url, server } = await startSite(t, { authorize: never, requestTimeoutMs: 50, xrtc: true })
  const told = once(server, 'listenererror')
  const body = new URLSearchParams({ uid: '1', streamName: 'lobby', audio: '1', video: '1' })
  const response = await fetch(`${url}/signaling/push`, { method: 'POST', body })
  t.is((await problemOf(response))['errNo'], 5004)
  await told
})

for (const [what, settle] of [
  ['grant', () => true],
  [
    'failure',
    () => {
      throw new Error('too late')
    },
  ],
] as const) {
  test(`a late ${what} changes nothing`, async (t) => {
    const app = new EventEmitter()
    const authorize = (): Promise<AuthorizeResult> => once(app, 'settle').then(settle)
    const { url, server, signaling } = await startSite(t, { authorize, requestTimeoutMs: 50 })
    let told = 0
    server.on('listenererror', () => (told += 1))
    t.is((await post(`${url}/whip/lobby`, PUBLISH)).status, 503)
    app.emit('settle')
    // A whole request later everything that it could have caused has happened.
    t.is((await fetch(`${url}/whip/lobby`)).status, 204)
    t.deepEqual([server.peers().length, signaling.sessionCount, told], [0, 0, 1])
  })
}
