// What viewers see when the publisher reloads, loses a layer, stops or crashes.

import test, { type ExecutionContext } from 'ava'
import type { Page } from 'puppeteer-core'
import {
  live,
  newPage,
  openPull,
  openPush,
  pageShows,
  recordFrames,
  shownFrames,
  startChromium,
  startSite,
  type Site,
} from './harness.ts'

test.serial(
  'the push page is reloaded five times and its viewers see the picture again within two seconds',
  async (t) => {
    const site = await startSite(t)
    const browser = await startChromium(t)
    const push = await openPush(browser, site, 'reload', '&codec=VP8')
    const pulls = [await openPull(browser, site, 'reload'), await openPull(browser, site, 'reload')]
    const requests: string[] = []
    for (const pull of pulls) {
      await pageShows(pull, `document.getElementById('video').currentTime > 0.5`)
      pull.on('request', (request) => requests.push(`${request.method()} ${request.url()}`))
    }
    for (let round = 1; round <= 5; round += 1) {
      await push.reload()
      await live(push)
      const liveAt = performance.now()
      for (const pull of pulls) {
        await recordFrames(pull)
        await pageShows(pull, 'shown.length > 3')
      }
      const again = performance.now() - liveAt
      t.true(again < 2_000, `round ${round}: the picture came back after ${again} ms`)
    }
    t.deepEqual(requests, [], 'viewers asked for nothing')
    t.is(site.server.streams().length, 1)
  },
)

test.serial('the top simulcast layer is switched off and the picture goes on without a gap over 500 ms', async (t) => {
  const site = await startSite(t)
  const browser = await startChromium(t)
  // Chromium sends three layers from 960×540 on, and the top one only when its bandwidth estimate has grown.
  const push = await openPush(browser, site, 'layers', '&codec=VP8&simulcast=1', 720)
  const pull = await openPull(browser, site, 'layers')
  await pageShows(pull, `document.getElementById('video').videoHeight === 720`, 60_000)
  await recordFrames(pull)
  await pageShows(pull, 'shown.length > 20')
  await push.evaluate(`(async () => {
    const sender = session.peerConnection.getSenders().find(({ track }) => track.kind === 'video')
    const parameters = sender.getParameters()
    parameters.encodings.find(({ rid }) => rid === 'f').active = false
    await sender.setParameters(parameters)
  })()`)
  await pageShows(pull, `document.getElementById('video').videoHeight < 720`)
  const switchedAt = (await shownFrames(pull)).length
  await pageShows(pull, `shown.length > ${switchedAt + 20}`)
  const gaps = (await shownFrames(pull)).map(({ now }, index, all) => now - (all[index - 1]?.now ?? now))
  t.true(Math.max(...gaps) <= 500, `the longest gap was ${Math.max(...gaps)} ms`)
})

test.serial('a publisher that stops, one that crashes and a viewer that crashes leave nothing behind', async (t) => {
  const site = await startSite(t, { consentTimeoutMs: 3_000, publisherGraceMs: 1_000 })
  const browser = await startChromium(t)
  const before = await site.server.held()

  const stopped = await openPush(browser, site, 'stopped', '&codec=VP8')
  await stopped.click('#stop')
  await streamsGone(t, site)
  t.deepEqual(await site.server.held(), before, 'after a stop')

  const crashing = await openPush(browser, site, 'crashed', '&codec=VP8')
  await crash(crashing)
  await streamsGone(t, site)
  t.deepEqual(await site.server.held(), before, 'after a crash of the publisher')

  const push = await openPush(browser, site, 'viewer', '&codec=VP8')
  const playing = await site.server.held()
  const pull = await openPull(browser, site, 'viewer')
  t.notDeepEqual(await site.server.held(), playing, 'a viewer is counted')
  await crash(pull)
  await until(t, site, () => site.server.stream('viewer')?.viewers.length === 0)
  await push.click('#stop')
  await streamsGone(t, site)
  t.deepEqual(await site.server.held(), before, 'after a crash of a viewer')
})

test.serial('something left behind is noticed', async (t) => {
  const site = await startSite(t)
  const before = await site.server.held()
  const browser = await startChromium(t)
  await openPush(browser, site, 'leaked', '&codec=VP8')
  t.notDeepEqual(await site.server.held(), before)
})

async function crash(page: Page): Promise<void> {
  const session = await page.createCDPSession()
  // The renderer goes down before it can answer.
  void session.send('Page.crash').catch(() => {})
}

async function streamsGone(t: ExecutionContext, site: Site): Promise<void> {
  await until(t, site, () => site.server.streams().length === 0 && site.server.peers().length === 0)
}

async function until(t: ExecutionContext, { server }: Site, condition: () => boolean): Promise<void> {
  t.timeout(60_000)
  while (!condition())
    await new Promise((resolve) => server.once('peerremoved', resolve).once('streamremoved', resolve))
}

test.serial('a push page waits for a publisher that is about to leave, and not for one that stays', async (t) => {
  const site = await startSite(t)
  const browser = await startChromium(t)
  const first = await openPush(browser, site, 'taken')
  const second = await newPage(browser)
  const refused = `globalThis.session?.problem?.code === 'streamInUse' && session.state`
  await second.goto(`${site.url}/push/taken?start=1&size=360`)
  await pageShows(second, `(${refused}) === 'connecting'`)
  await first.evaluate('session.close()')
  await live(second)
  await first.goto(`${site.url}/push/taken?start=1&size=360`)
  await pageShows(first, `(${refused}) === 'closed'`)
  t.is(await second.evaluate('session.state'), 'live')
})
