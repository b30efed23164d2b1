import test from 'ava'
import { createHmac } from 'node:crypto'
import { turnCredentials } from 'xrtc'
import { offerOf, post, startSite } from '../harness.ts'

test('credentials end by themselves and are the HMAC-SHA1 of the user name', (t) => {
  const before = Math.floor(Date.now() / 1_000)
  const urls = ['turn:turn.example:3478?transport=udp', 'turns:turn.example:5349']
  const server = turnCredentials({ secret: 'north', urls, identity: 'ann', ttlSeconds: 600 })
  const [expiry, identity] = server.username?.split(':') ?? []
  t.true(Number(expiry) >= before + 600 && Number(expiry) <= before + 602)
  t.is(identity, 'ann')
  t.is(server.credential, createHmac('sha1', 'north').update(`${expiry}:ann`).digest('base64'))
  t.deepEqual(server.urls, urls)
})

test('an identity too long for a user name is told by its hash', (t) => {
  const name = (identity: string): string =>
    turnCredentials({ secret: 'north', urls: 'turn:a.example', identity }).username ?? ''
  t.true(name('я'.repeat(80)).endsWith(encodeURIComponent('я'.repeat(80))))
  const [long, other] = [name('я'.repeat(81)), name('я'.repeat(82))]
  t.regex(long, /^\d+:[\w-]{43}$/)
  t.not(long, other)
})

test('without an identity the user name is the expiry alone, a day from now', (t) => {
  const { username } = turnCredentials({ secret: 'north', urls: 'turn:a.example' })
  t.regex(username ?? '', /^\d+$/)
  t.true(Math.abs(Number(username) - Date.now() / 1_000 - 86_400) < 5)
})

test('any identity passes the signaling as a Link header', async (t) => {
  const identity = 'Änne; "a",<b>'
  const { url } = await startSite(t, {
    authorize: () => ({ iceServers: [turnCredentials({ secret: 'north', urls: 'turn:a.example:3478', identity })] }),
  })
  const response = await post(`${url}/whip/lobby`, offerOf('chromium-publish-vp8'))
  t.is(response.status, 201)
  const link = response.headers.get('link') ?? ''
  const [, username = '', credential = ''] = /; username="([^"]*)"; credential="([^"]*)"/.exec(link) ?? []
  t.is(decodeURIComponent(username.split(':')[1] ?? ''), identity)
  t.is(credential, createHmac('sha1', 'north').update(username).digest('base64'))
})

for (const options of [
  { secret: '', urls: 'turn:a' },
  { urls: 'turn:a' },
  { secret: 'a', urls: 'turn:a', ttlSeconds: 0 },
  { secret: 'a', urls: 'turn:a', ttl: 5 },
  { secret: 'a', urls: 'turn:a', identity: 7 },
  { secret: 'a' },
  { secret: 'a', urls: [] },
  { secret: 'a', urls: 'nope' },
  { secret: 'a', urls: ['turn:a', 7] },
]) {
  test(`turnCredentials refuses ${JSON.stringify(options)}`, (t) => {
    t.throws(() => turnCredentials(options as never), {
      code: 'XRTC_INVALID_ARGUMENT',
      message: /secret|urls|ttl|identity/,
    })
  })
}
