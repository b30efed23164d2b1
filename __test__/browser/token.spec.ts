// A server that wants a token: pages take it from their address and pass it on.

import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'ava'
import type { Page } from 'puppeteer-core'
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
  await pageShows(list, `document.getElementById('problem').textContent === 'The server wants a token.'`)
  t.true(await list.evaluate(`document.getElementById('empty').hidden`))
  await enterToken(list, 'open-sesame')
  t.is(list.url(), `${site.url}/?token=open-sesame`)
  await pageShows(list, `document.querySelector('#streams a')?.textContent === 'lobby'`)
  const watch = String(await list.evaluate(`document.querySelector('#streams a').href`))
  t.is(watch, `${site.url}/pull/lobby?token=open-sesame`)
  t.is(await push.evaluate(`document.getElementById('watch').href`), watch)
  t.is(await push.evaluate(`document.getElementById('watch').textContent`), 'Watch it (with your token)')
  const pull = await newPage(browser)
  await pull.goto(`${site.url}/pull/lobby?audio=0`)
  // What the server says begins small and has no stop.
  await pageShows(pull, `document.getElementById('problem').textContent === 'A bearer token is needed.'`)
  await enterToken(pull, 'open-sesame')
  t.is(pull.url(), `${site.url}/pull/lobby?audio=0&token=open-sesame`)
  await pageShows(pull, `globalThis.session?.state === 'live'`)
  t.is(await pull.$('#token'), null)
  await openPull(browser, site, 'lobby', '?token=open-sesame')
  await push.click('#stop')
  while (server.stream('lobby')?.publisher) await once(server.stream('lobby')!, 'change')
  await t.throwsAsync(() => openPush(browser, site, 'other', '&token=wrong'), { message: /closed.*token/ })
  const refused = await newPage(browser)
  await refused.goto(`${site.url}/push/other?start=1&size=360`)
  await enterToken(refused, 'open-sesame')
  await pageShows(refused, `globalThis.session?.state === 'live'`)
})

test.serial('the pages of the XRTC routes ask for the token, and keep what was entered', async (t) => {
  const { server } = await startSite(t)
  const { listener } = server.signaling({ pages: true, xrtc: true, authorize: ({ token }) => token === 'open-sesame' })
  const http = createHttpServer(listener).listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.teardown(() => http.close())
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const push = await newPage(await startChromium(t))
  await push.goto(`${url}/xrtcclient/push?start=1`)
  await push.waitForSelector('#token')
  await push.goto(`${url}/xrtcclient/push?uid=7`)
  await push.$eval('#streamName', (field) => Object.assign(field, { value: 'typed' }))
  await push.click('#audio')
  await push.click('#start')
  await enterToken(push, 'open-sesame')
  t.deepEqual(Object.fromEntries(new URL(push.url()).searchParams), {
    uid: '7',
    streamName: 'typed',
    audio: '0',
    video: '1',
    token: 'open-sesame',
  })
  await push.click('#start')
  await pageShows(push, `document.getElementById('state').dataset.state === 'live'`)
  t.is(server.stream('typed')?.publisher?.identity, 'uid:7')
  t.is(await push.evaluate(`document.getElementById('watch').textContent`), 'Watch it (with your token)')
})

async function enterToken(page: Page, token: string): Promise<void> {
  await page.waitForSelector('#token input')
  await page.type('#token input', token)
  await Promise.all([page.waitForNavigation(), page.click('#token button')])
}
