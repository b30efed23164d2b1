// Behind reverse proxies: whose address is seen, and what a client is told about where things are.

import test from 'ava'
import type { SignalingOptions } from 'xrtc'
import { listen, offerOf, open, post, problemOf, startServer, startSite } from '../harness.ts'

const PUBLISH = offerOf('chromium-publish-vp8')

const chains: readonly [trustProxy: NonNullable<SignalingOptions['trustProxy']>, forwarded: string, seen: string][] = [
  [0, '203.0.113.1', '127.0.0.1'],
  [1, '203.0.113.1, 203.0.113.2', '203.0.113.2'],
  [2, '203.0.113.1, 203.0.113.2', '203.0.113.1'],
  [9, '203.0.113.1', '203.0.113.1'],
  [['loopback'], '203.0.113.1', '203.0.113.1'],
  [['127.0.0.0/8', '2001:db8::/32'], '203.0.113.1, 198.51.100.7, 2001:db8::5', '198.51.100.7'],
  [['10.0.0.0/8'], '203.0.113.1', '127.0.0.1'],
  [[], '203.0.113.1', '127.0.0.1'],
  [(address, hop) => address === '127.0.0.1' && hop === 0, '203.0.113.1, 203.0.113.2', '203.0.113.2'],
  // What a client writes itself is believed only as far as the chain goes, and only if it is an address.
  [1, 'nobody', '127.0.0.1'],
  [1, '<script>, 203.0.113.2', '203.0.113.2'],
]

for (const [trustProxy, forwarded, expected] of chains) {
  const trust = typeof trustProxy === 'function' ? 'a function' : JSON.stringify(trustProxy)
  test(`trustProxy ${trust} sees ${expected} in "${forwarded}"`, async (t) => {
    let seen: string | undefined
    const { url } = await startSite(t, {
      trustProxy,
      authorize: ({ remoteAddress }) => {
        seen = remoteAddress
        return false
      },
    })
    t.is((await post(`${url}/whip/lobby`, PUBLISH, { 'X-Forwarded-For': forwarded })).status, 401)
    t.is(seen, expected)
  })
}

test('without trustProxy nobody is believed', async (t) => {
  let seen: string | undefined
  const authorize = ({ remoteAddress }: { readonly remoteAddress: string | undefined }): boolean => {
    seen = remoteAddress
    return false
  }
  const { url } = await startSite(t, { authorize })
  await post(`${url}/whip/lobby`, PUBLISH, { 'X-Forwarded-For': '203.0.113.1', Forwarded: 'for=203.0.113.1' })
  t.is(seen, '127.0.0.1')
})

test('publicUrl stands in Location and in the pages, whatever the proxy did to the path', async (t) => {
  const server = await startServer(t)
  const { listener } = server.signaling({ publicUrl: 'https://media.example/live', basePath: '/v1', pages: true })
  const url = await listen(t, listener)
  const response = await post(`${url}/v1/whip/lobby`, PUBLISH)
  const location = response.headers.get('location') ?? ''
  t.regex(location, /^https:\/\/media\.example\/live\/v1\/whip-session\/[\w.-]+$/)
  t.is((await fetch(url + new URL(location).pathname.slice('/live'.length), { method: 'DELETE' })).status, 200)
  const page = await (await fetch(`${url}/v1/`)).text()
  t.true(page.includes('<base href="https://media.example/live/v1/" />'))
})

test('endpoints in the manner of SRS name app and stream in the query', async (t) => {
  const { url, server } = await startSite(t, { srsPaths: true, basePath: '/b', whep: false })
  const { session } = await open(`${url}/b/rtc/v1/whip/?app=show&stream=one&codec=vp8`, PUBLISH)
  await open(`${url}/b/rtc/v1/whip?stream=two`, PUBLISH)
  t.deepEqual(
    server
      .streams()
      .map((stream) => stream.name)
      .toSorted(),
    ['live/two', 'show/one'],
  )
  t.regex(new URL(session).pathname, /^\/b\/whip-session\//)
  t.is((await fetch(session, { method: 'DELETE' })).status, 200)
  t.is((await post(`${url}/b/rtc/v1/whip/?app=show`, PUBLISH)).status, 400)
  t.is((await post(`${url}/b/rtc/v1/whip/?app=..&stream=a`, PUBLISH)).status, 400)
  t.is((await post(`${url}/b/rtc/v1/whep/?stream=two`, PUBLISH)).status, 404)
  t.is((await post(`${url}/b/rtc/v1/other/?stream=two`, PUBLISH)).status, 404)
})

test('endpoints in the manner of SRS are mounted by option only', async (t) => {
  const { url } = await startSite(t, { pages: true })
  t.is((await post(`${url}/rtc/v1/whip/?app=live&stream=one`, PUBLISH)).status, 404)
})

test('whip and whep are mounted each by its own switch', async (t) => {
  const { url } = await startSite(t, { whip: false })
  t.is((await post(`${url}/whip/lobby`, PUBLISH)).status, 404)
  t.is((await fetch(`${url}/whip-session/x`, { method: 'DELETE' })).status, 404)
  t.is((await fetch(`${url}/whep/lobby`, { method: 'HEAD' })).status, 200)
})

test('a session of another process is 404 and says so; the tag in its name finds the process', async (t) => {
  const one = await startSite(t, { processTag: 'one' })
  const two = await startSite(t, { processTag: 'two' })
  const { session } = await open(`${one.url}/whip/lobby`, PUBLISH)
  t.regex(new URL(session).pathname, /^\/whip-session\/one\.[\w-]{24}$/)
  const astray = await fetch(session.replace(one.url, two.url), { method: 'DELETE' })
  t.is(astray.status, 404)
  t.regex(String((await problemOf(astray))['detail']), /another process/)
  t.is((await fetch(session, { method: 'DELETE' })).status, 200)
  const over = await problemOf(await fetch(session, { method: 'DELETE' }))
  t.is(over['detail'], 'there is no such session')
})

test('sessions of one process have one tag, whichever signaling opened them', async (t) => {
  const { url, server } = await startSite(t)
  const other = await listen(t, server.signaling().listener)
  const tags = [await open(`${url}/whip/a`, PUBLISH), await open(`${other}/whip/b`, PUBLISH)].map(
    ({ session }) => /session\/([\w-]{8})\./.exec(session)?.[1],
  )
  t.truthy(tags[0])
  t.is(tags[0], tags[1])
})
