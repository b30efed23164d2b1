import test from 'ava'
import { request } from 'node:http'
import { offerOf, open, startSite } from '../harness.ts'

test('the pages and the browser library are served with their types', async (t) => {
  const { url } = await startSite(t, { pages: true })
  for (const [path, type] of [
    ['/', 'text/html; charset=utf-8'],
    ['/push/lobby', 'text/html; charset=utf-8'],
    ['/pull/a/b%20c', 'text/html; charset=utf-8'],
    ['/assets/style.css', 'text/css; charset=utf-8'],
    ['/assets/push.js', 'text/javascript; charset=utf-8'],
    ['/client/index.js', 'text/javascript; charset=utf-8'],
  ] as const) {
    const response = await fetch(url + path)
    t.is(response.status, 200, path)
    t.is(response.headers.get('content-type'), type)
    t.is(response.headers.get('referrer-policy'), 'no-referrer')
    t.true((await response.text()).length > 100)
  }
})

test('the page of a name that breaks the rules is refused', async (t) => {
  const { url } = await startSite(t, { pages: true })
  for (const [path, status] of [
    ['/push/', 404],
    ['/pull/%FF', 400],
    ['/push/a//b', 400],
    ['/pull/%2e%2e%2fa', 400],
  ] as const) {
    t.is((await fetch(url + path)).status, status, path)
  }
})

test('a browser is shown a page that says what is wrong, a program gets the problem document', async (t) => {
  const { url } = await startSite(t, { pages: true, basePath: '/media' })
  for (const [path, status, text] of [
    ['/push', 404, 'The address names no stream: it is /push/NAME.'],
    ['/pull/', 404, 'The address names no stream: it is /pull/NAME.'],
    ['/whip', 404, 'The address names no stream: it is /whip/NAME.'],
    ['/whep/', 404, 'The address names no stream: it is /whep/NAME.'],
    ['/push/a//b', 400, 'A stream name has no empty segment.'],
    ['/nowhere', 404, 'There is nothing here.'],
  ] as const) {
    const read = await fetch(`${url}/media${path}`, {
      headers: { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' },
    })
    t.is(read.status, status, path)
    t.is(read.headers.get('content-type'), 'text/html; charset=utf-8')
    const html = await read.text()
    t.true(html.includes(text), html)
    t.true(html.includes('<base href="/media/" />') && html.includes('<a href="./">'))
    const fetched = await fetch(`${url}/media${path}`)
    t.is(fetched.status, status, path)
    t.is(fetched.headers.get('content-type'), 'application/problem+json')
    t.is(((await fetched.json()) as { status: number }).status, status)
  }
})

test('without pages a browser gets the problem document too', async (t) => {
  const { url } = await startSite(t)
  const response = await fetch(`${url}/push`, { headers: { Accept: 'text/html' } })
  t.is(response.status, 404)
  t.is(response.headers.get('content-type'), 'application/problem+json')
})

test('a page that has not changed is 304', async (t) => {
  const { url } = await startSite(t, { pages: true })
  const first = await fetch(`${url}/push/lobby`)
  const again = await fetch(`${url}/push/lobby`, { headers: { 'If-None-Match': first.headers.get('etag') ?? '' } })
  t.is(again.status, 304)
})

test('a page knows the prefix it is mounted on', async (t) => {
  const { url } = await startSite(t, { pages: true, basePath: '/media' })
  t.regex(await (await fetch(`${url}/media/push/lobby`)).text(), /<base href="\/media\/" \/>/)
  t.is((await fetch(`${url}/push/lobby`)).status, 404)
})

test('nothing but the pages’ own files is served', async (t) => {
  const { url } = await startSite(t, { pages: true })
  for (const path of [
    '/assets/../package.json',
    '/assets/%2e%2e/package.json',
    '/client/../index.js',
    '/assets/tsconfig.json',
    '/push.html',
    '/package.json',
    '/assets/',
  ]) {
    const { hostname, port } = new URL(url)
    t.is(await statusOf(hostname, Number(port), path), 404, path)
  }
})

test('the list names the streams, and asks authorize', async (t) => {
  const { url } = await startSite(t, {
    pages: true,
    authorize: ({ token }, { action }) => action !== 'list' || token === 'x',
  })
  await open(`${url}/whip/lobby`, offerOf('chromium-publish-vp8'))
  await open(`${url}/whep/lobby`, offerOf('chromium-play'))
  t.is((await fetch(`${url}/api/streams`)).status, 401)
  const response = await fetch(`${url}/api/streams?token=x`)
  t.is(response.headers.get('content-type'), 'application/json')
  t.is(response.headers.get('cache-control'), 'no-store')
  const { streams } = (await response.json()) as { streams: Record<string, unknown>[] }
  t.is(streams.length, 1)
  t.like(streams[0], { name: 'lobby', live: false, state: 'connecting', viewers: 1 })
  t.true(Array.isArray(streams[0]?.['codecs']))
})

test('the list tells of one stream whoever may watch it', async (t) => {
  const { url } = await startSite(t, {
    pages: true,
    authorize: (_, { action, stream }) => (stream === 'away' ? { redirect: '/elsewhere' } : action !== 'list'),
  })
  await open(`${url}/whip/lobby`, offerOf('chromium-publish-vp8'))
  await open(`${url}/whip/other`, offerOf('chromium-publish-vp8'))
  const listed = async (name: string): Promise<unknown> => await (await fetch(`${url}/api/streams?name=${name}`)).json()
  t.like(await listed('lobby'), { streams: [{ name: 'lobby', live: false }] })
  t.deepEqual(await listed('missing'), { streams: [] })
  t.is((await fetch(`${url}/api/streams`)).status, 401)
  t.is((await fetch(`${url}/api/streams?name=a//b`)).status, 400)
  t.is((await fetch(`${url}/api/streams?name=away`)).status, 204)
})

// fetch would take the dots out of the path.
function statusOf(host: string, port: number, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request({ host, port, path }, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end()
  })
}
