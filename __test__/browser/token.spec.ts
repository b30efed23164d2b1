// A server that wants a token: pages take it from their address and pass it on.

import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'ava'
import { newPage, openPull, openPush, pageShows, startChromium, startSite } from './harness.ts'

test.serial('the pages publish, list and watch with the token of their address', async (t) => {
  const { server } = await startSite(t)
  const { listener } = server.signaling({ pages: true, authorize: ({ token }) => token === 'open-sesame' })
  const http = createHttpServer(listener).listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.teardown(() => http.close())
  const site = { server, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` }

  const browser = await startChromium(t)
  const push = await openPush(browser, site, 'lobby', '&token=open-sesame')
  const list = await newPage(browser)
  await list.goto(`${site.url}/`)
  await pageShows(list, `document.getElementById('problem').textContent.includes('token')`)
  await list.goto(`${site.url}/?token=open-sesame`)
  await pageShows(list, `document.querySelector('#streams a')?.textContent === 'lobby'`)
  const watch = String(await list.evaluate(`document.querySelector('#streams a').href`))
  t.is(watch, `${site.url}/pull/lobby?token=open-sesame`)
  t.is(await push.evaluate(`document.getElementById('watch').href`), watch)
  await openPull(browser, site, 'lobby', '?token=open-sesame')
  await push.click('#stop')
  while (server.stream('lobby')?.publisher) await once(server.stream('lobby')!, 'change')
  await t.throwsAsync(() => openPush(browser, site, 'other', '&token=wrong'), { message: /closed.*token/ })
})
