import test from 'ava'
import { once } from 'node:events'
import type { AuthorizeResult, Grant, IceServer } from 'xrtc'
import { fragment, offerOf, open, patch, post, startSite } from '../harness.ts'

const PUBLISH = offerOf('chromium-publish-vp8')

test('a session ends when the time of its grant is over', async (t) => {
  const { url, server, signaling } = await startSite(t, { authorize: () => ({ limits: { expiresInMs: 50 } }) })
  const ended = new Promise((resolve) => {
    server.once('peeradded', ({ peer }) => peer.once('closed', resolve))
  })
  await open(`${url}/whip/lobby`, PUBLISH)
  t.deepEqual(await ended, { reason: 'expired', detail: 'the permission expired' })
  t.is(signaling.sessionCount, 0)
})

test('a later request of the session brings another time', async (t) => {
  const times = [3_600_000, 1]
  const { url, server } = await startSite(t, {
    authorize: () => ({ limits: { expiresInMs: times.shift() ?? 3_600_000 } }),
  })
  const { session, etag } = await open(`${url}/whip/lobby`, PUBLISH)
  const closed = once(server.peers()[0]!, 'closed')
  t.is((await patch(session, fragment(PUBLISH), { 'If-Match': etag })).status, 204)
  const [{ reason, detail }] = await closed
  t.deepEqual([reason, detail], ['expired', 'the permission expired'])
})

test('a time longer than a timer can run does not end the session', async (t) => {
  const { url, signaling } = await startSite(t, { authorize: () => ({ limits: { expiresInMs: 2 ** 40 } }) })
  await open(`${url}/whip/lobby`, PUBLISH)
  // A delay that overflows fires within a millisecond; a whole request takes longer than that.
  t.is((await fetch(`${url}/whip/lobby`)).status, 204)
  await new Promise((resolve) => setImmediate(resolve))
  t.is(signaling.sessionCount, 1)
})

const wrong: readonly [name: string, result: unknown][] = [
  ['a text', 'allowed'],
  ['a number', 1],
  ['an identity that is none', { identity: 7 } as unknown],
  ['a list of servers that is none', { iceServers: 'stun:a.example' }],
  ['a server without urls', { iceServers: [{ urls: [] }] }],
  ['a web server among the ICE servers', { iceServers: [{ urls: 'https://a.example' }] }],
  ['a TURN server without a credential', { iceServers: [{ urls: 'turn:a.example', username: 'ann' }] }],
  [
    'a credential with a line end',
    { iceServers: [{ urls: 'turn:a.example', username: 'a', credential: 'b\r\nX: y' }] },
  ],
  ['a redirect to a script', { redirect: 'javascript:alert(1)' }],
  ['a redirect to another host by a path', { redirect: '//b.example/whip/lobby' }],
  ['no time at all', { limits: { expiresInMs: 0 } }],
  ['a time that is a text', { limits: { expiresInMs: '5' } }],
  ['limits that are none', { limits: 5 }],
  ['no ICE server among them', { iceServers: [null] }],
  ['a list', []],
  ['a response of another server', new Response()],
  ['nothing', undefined],
  ['null', null],
  ['zero', 0],
  ['an empty text', ''],
]

for (const [name, result] of wrong) {
  test(`authorize that gives ${name} is 500 and told of`, async (t) => {
    const { url, server } = await startSite(t, { authorize: () => result as AuthorizeResult })
    const told = once(server, 'listenererror')
    t.is((await post(`${url}/whip/lobby`, PUBLISH)).status, 500)
    const [{ error }] = await told
    t.true(error instanceof TypeError)
    t.deepEqual(server.peers(), [])
  })
}

const misspelt: readonly [key: string, grant: object][] = [
  ['foo', { foo: 1 }],
  ['limit', { limit: { expiresInMs: 5 } }],
  ['expireInMs', { limits: { expireInMs: 5 } }],
]

for (const [key, grant] of misspelt) {
  test(`a grant with ${key}, which there is not, is 500 and told of by that name`, async (t) => {
    const { url, server } = await startSite(t, { authorize: () => grant })
    const told = once(server, 'listenererror')
    t.is((await post(`${url}/whip/lobby`, PUBLISH)).status, 500)
    const [{ error }] = await told
    t.regex(error.message, new RegExp(`\\b${key}\\b`))
    t.deepEqual(server.peers(), [])
  })
}

test('credentials of another type than password, which no client would be told of, are 500', async (t) => {
  const oauth = { urls: 'turn:a.example', username: 'a', credential: 'b', credentialType: 'oauth' }
  const { url, server } = await startSite(t, { authorize: () => ({ iceServers: [oauth as IceServer] }) })
  const told = once(server, 'listenererror')
  t.is((await post(`${url}/whip/lobby`, PUBLISH)).status, 500)
  const [{ error }] = await told
  t.regex(error.message, /credentialType is 'password', or left out$/)
})

test('an XrtcError of the app’s own is 500 as well, and its text stays inside', async (t) => {
  const { url, server } = await startSite(t, { authorize: () => server.push('/').then(() => true) })
  const told = once(server, 'listenererror')
  const response = await post(`${url}/whip/lobby`, PUBLISH)
  t.is(response.status, 500)
  t.false((await response.text()).includes('segment'))
  const [{ error }] = await told
  t.like(error.cause, { code: 'XRTC_INVALID_STREAM_NAME' })
})

test('a grant with all that it can have is taken', async (t) => {
  const grant: Grant = {
    identity: 'ann',
    iceServers: [
      { urls: 'stun:stun.example:3478' },
      {
        urls: ['turn:turn.example:3478?transport=udp', 'turns:[2001:db8::1]:5349'],
        username: '1:ann',
        credential: 'x=',
      },
    ],
    limits: { expiresInMs: 60_000.5 },
  }
  const { url, server } = await startSite(t, { authorize: () => grant })
  t.is((await post(`${url}/whip/lobby`, PUBLISH)).status, 201)
  t.is(server.stream('lobby')?.publisher?.identity, 'ann')
})
