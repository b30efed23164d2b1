// The browser library's page of the documentation: its example runs, and it names what there is.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'ava'
import { newPage, pageShows, startChromium, startSite } from './harness.ts'

const root = new URL('../../', import.meta.url)
const text = readFileSync(new URL('docs/api/client.md', root), 'utf8')

test.serial('the example of the client’s page publishes and plays', async (t) => {
  const { server } = await startSite(t)
  const [, example = ''] = /^```html\n([^]*?)^```$/m.exec(text) ?? []
  const { listener } = server.signaling({ pages: true })
  const http = createHttpServer((request, response) => {
    if (request.url !== '/example') return listener(request, response)
    response.setHeader('Content-Type', 'text/html; charset=utf-8')
    response.end(`<!doctype html>${example}`)
  }).listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.teardown(() => http.close())

  const page = await newPage(await startChromium(t))
  await page.goto(`http://127.0.0.1:${(http.address() as AddressInfo).port}/example`)
  await pageShows(page, `said.textContent === 'live'`, 20_000)
  await pageShows(page, `theirs.videoWidth > 0 && theirs.currentTime > 1`, 20_000)
  t.is(server.stream('lobby')?.viewers.length, 1)
  await page.close()
})

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
