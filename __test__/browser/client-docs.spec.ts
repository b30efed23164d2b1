// Examples of the documentation that are web pages run, and the browser library's page names what there is.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import type { MediaServer } from 'xrtc'
import { listen } from '../harness.ts'
import { newPage, openPush, pageShows, startChromium, startSite } from './harness.ts'

const root = new URL('../../', import.meta.url)
const text = readFileSync(new URL('docs/api/client.md', root), 'utf8')

test.serial('the example of the client’s page publishes and plays', async (t) => {
  const { server } = await startSite(t)
  const page = await newPage(await startChromium(t))
  await page.goto(await serveExample(t, server, text))
  await pageShows(page, `said.textContent === 'live'`, 20_000)
  await pageShows(page, `theirs.videoWidth > 0 && theirs.currentTime > 1`, 20_000)
  t.is(server.stream('lobby')?.viewers.length, 1)
  await page.close()
})

test.serial('the example of the guide plays with the browser’s own means, and ends with its page', async (t) => {
  const site = await startSite(t)
  const browser = await startChromium(t)
  await openPush(browser, site, 'lobby')
  const page = await newPage(browser)
  const guide = readFileSync(new URL('docs/guide/browsers.md', root), 'utf8')
  await page.goto(await serveExample(t, site.server, guide))
  await pageShows(page, `video.videoWidth > 0 && video.currentTime > 1`, 20_000)
  const ended = once(site.server, 'peerremoved')
  await page.goto('about:blank')
  const [{ peer }] = await ended
  t.is(peer.action, 'pull')
})

/** Serves the first HTML example of a page of the documentation, beside the signaling that it uses, and gives its URL. */
async function serveExample(t: ExecutionContext, server: MediaServer, markdown: string): Promise<string> {
  const [, example = ''] = /^```html\n([^]*?)^```$/m.exec(markdown) ?? []
  const { listener } = server.signaling({ pages: true })
  const url = await listen(t, (request, response) => {
    if (request.url !== '/example') return listener(request, response)
    response.setHeader('Content-Type', 'text/html; charset=utf-8')
    response.end(`<!doctype html>${example}`)
  })
  return `${url}/example`
}

test('the client’s page names every problem', (t) => {
  const source = readFileSync(new URL('ts/client/problem.ts', root), 'utf8')
  const [, union = ''] = /ProblemCode =\n((?:\s+\| '\w+'\n)+)/.exec(source) ?? []
  const codes = [...union.matchAll(/'(\w+)'/g)].map(([, code]) => code)
  t.true(codes.length > 10)
  const documented = [...text.matchAll(/^\| `(\w+)` +\| .*$/gm)].map(([, code]) => code)
  t.deepEqual(
    codes.filter((code) => !documented.includes(code)),
    [],
  )
})
