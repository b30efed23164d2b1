// One browser publishes its fake camera and microphone through the push page, two tabs watch through the pull page.

import test, { type ExecutionContext } from 'ava'
import type { Browser, Page } from 'puppeteer-core'
import type { PeerStatsReport } from 'xrtc'
import {
  browserStats,
  luma,
  newPage,
  number,
  openPull,
  openPush,
  pageShows,
  pick,
  shownFrames,
  recordFrames,
  startChromium,
  startFirefox,
  startSite,
  type Site,
  type Stats,
} from './harness.ts'

const WATCHED_SECONDS = 10
const MAX_SKEW_MS = 80

for (const codec of ['VP8', 'H264'] as const) {
  test.serial(`Chromium pushes ${codec} and two tabs see and hear it`, async (t) => {
    const site = await startSite(t)
    await watch(t, { browser: await startChromium(t), site, codec, measuresSkew: true })
  })
}

test.serial('Firefox pushes VP8 and two tabs see and hear it', async (t) => {
  const site = await startSite(t)
  await watch(t, { browser: await startFirefox(t), site, codec: 'VP8', measuresSkew: false })
})

test.serial('a viewer that joins ten seconds later sees a picture within two seconds', async (t) => {
  const site = await startSite(t)
  const browser = await startChromium(t)
  await openPush(browser, site, 'late', '&codec=VP8')
  const first = await openPull(browser, site, 'late')
  await pageShows(first, `document.getElementById('video').currentTime >= 10`)
  const late = await newPage(browser)
  await late.goto('about:blank')
  await late.goto(`${site.url}/pull/late`)
  await pageShows(late, `document.getElementById('video').currentTime > 0`)
  const frameAfterMs = Number(await late.evaluate('performance.now()'))
  t.true(frameAfterMs < 2_000, `the first frame was shown ${frameAfterMs} ms after the page began to load`)
})

interface Scene {
  readonly browser: Browser
  readonly site: Site
  readonly codec: 'VP8' | 'H264'
  /** Only Chromium tells `estimatedPlayoutTimestamp`. */
  readonly measuresSkew: boolean
}

async function watch(t: ExecutionContext, { browser, site, codec, measuresSkew }: Scene): Promise<void> {
  const push = await openPush(browser, site, 'lobby', `&codec=${codec}`)
  const pulls = [await openPull(browser, site, 'lobby'), await openPull(browser, site, 'lobby')]
  for (const pull of pulls) await pageShows(pull, `document.getElementById('video').currentTime > 1`)

  const before = await snapshot(push, pulls)
  for (const pull of pulls) {
    await recordFrames(pull)
    await pageShows(
      pull,
      `globalThis.since ??= document.getElementById('video').currentTime, document.getElementById('video').currentTime >= since + ${WATCHED_SECONDS}`,
      30_000,
    )
  }
  const after = await snapshot(push, pulls)

  const sent = difference(before.push, after.push, 'framesSent')
  t.true(sent > WATCHED_SECONDS * 5, `only ${sent} frames were sent`)
  for (const [index, pull] of pulls.entries()) {
    const [earlier, later] = [before.pulls[index]!, after.pulls[index]!]
    const decoded = difference(earlier, later, 'framesDecoded')
    t.true(decoded >= 0.9 * sent, `decoded ${decoded} of ${sent} frames`)
    t.is(
      number(pick(later, 'inbound-rtp', 'video'), 'freezeCount'),
      number(pick(earlier, 'inbound-rtp', 'video'), 'freezeCount'),
    )
    await assertPicture(t, push, pull)
    assertSound(t, later)
    if (measuresSkew) assertInSync(t, later)
  }
  await assertSameFigures(t, site, push, pulls)
}

async function snapshot(push: Page, pulls: readonly Page[]) {
  return { push: await browserStats(push), pulls: await Promise.all(pulls.map((pull) => browserStats(pull))) }
}

function difference(before: readonly Stats[], after: readonly Stats[], member: string): number {
  const type = member === 'framesSent' ? 'outbound-rtp' : 'inbound-rtp'
  return number(pick(after, type, 'video'), member) - number(pick(before, type, 'video'), member)
}

async function assertPicture(t: ExecutionContext, push: Page, pull: Page): Promise<void> {
  await assertSize(t, push, pull)
  const { mean, deviation } = await luma(pull)
  // Firefox's fake camera is one colour that changes, Chromium's a dial.
  const varied = /firefox/i.test(await pull.browser().version()) || deviation > 4
  t.true(mean > 16 && varied, `the picture is black or empty: luma ${mean} ± ${deviation}`)
}

// The encoder changes its size by itself: what is shown must become what is sent within a second's frames.
async function assertSize(t: ExecutionContext, push: Page, pull: Page): Promise<void> {
  let [sent, shown] = ['', '']
  for (let frame = 0; frame < 40; frame += 1) {
    const outbound = pick(await browserStats(push), 'outbound-rtp', 'video')
    sent = `${number(outbound, 'frameWidth')}×${number(outbound, 'frameHeight')}`
    const frames = await shownFrames(pull)
    const last = frames.at(-1)
    shown = `${last?.width}×${last?.height}`
    if (sent === shown) break
    await pageShows(pull, `shown.length > ${frames.length}`)
  }
  t.is(shown, sent)
}

function assertSound(t: ExecutionContext, stats: readonly Stats[]): void {
  const audio = pick(stats, 'inbound-rtp', 'audio')
  t.true(number(audio, 'totalAudioEnergy') > 0, 'no sound came')
}

function assertInSync(t: ExecutionContext, stats: readonly Stats[]): void {
  const [audio, video] = (['audio', 'video'] as const).map((kind) =>
    number(pick(stats, 'inbound-rtp', kind), 'estimatedPlayoutTimestamp'),
  )
  const skew = Math.abs(audio! - video!)
  t.true(skew < MAX_SKEW_MS, `sound and picture are ${skew} ms apart`)
}

// The server's figures and the browser's are read one after the other: media that flows in between is allowed for by
// reading the browser before and after the server.
async function assertSameFigures(t: ExecutionContext, site: Site, push: Page, pulls: readonly Page[]): Promise<void> {
  const stream = site.server.stream('lobby')!
  const publisher = stream.publisher!
  await assertBetween(t, push, 'outbound-rtp', ['packetsSent', 'bytesSent'], async () => ({
    report: await publisher.getStats(),
    type: 'inbound-rtp',
    members: ['packetsReceived', 'bytesReceived'],
  }))
  for (const pull of pulls) {
    const ssrc = number(pick(await browserStats(pull), 'inbound-rtp', 'video'), 'ssrc')
    const reports = await Promise.all(stream.viewers.map((viewer) => viewer.getStats()))
    const index = reports.findIndex((report) =>
      [...report.values()].some((one) => (one as unknown as Stats)['ssrc'] === ssrc),
    )
    t.not(index, -1, 'no viewer of the server sends what the page receives')
    await assertBetween(t, pull, 'inbound-rtp', ['packetsReceived', 'bytesReceived'], async () => ({
      report: await stream.viewers[index]!.getStats(),
      type: 'outbound-rtp',
      members: ['packetsSent', 'bytesSent'],
    }))
  }
}

async function assertBetween(
  t: ExecutionContext,
  page: Page,
  type: string,
  members: readonly string[],
  read: () => Promise<{ report: PeerStatsReport; type: string; members: readonly string[] }>,
): Promise<void> {
  const before = await browserStats(page)
  const ours = await read()
  const after = await browserStats(page)
  for (const kind of ['audio', 'video'] as const) {
    const our = pick(ours.report.values() as Iterable<unknown> as Iterable<Stats>, ours.type, kind)
    for (const [index, member] of members.entries()) {
      const low = number(pick(before, type, kind), member) * 0.98
      const high = number(pick(after, type, kind), member) * 1.02
      const value = number(our, ours.members[index]!)
      t.true(value >= low && value <= high, `${kind} ${ours.members[index]}: ${value} is not within ${low} and ${high}`)
    }
  }
}
