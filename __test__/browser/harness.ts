// What every browser test needs: a server on loopback with its pages, browsers with fake devices, and ways to watch.

import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ExecutionContext } from 'ava'
import puppeteer, { type Browser, type Page } from 'puppeteer-core'
import type { Namespace } from './network.ts'
import { createServer, type MediaServer, type ServerOptions } from 'xrtc'

// Firefox neither gathers nor checks 127.0.0.0/8: npm test runs the browsers in a network namespace of its own with an
// interface for them.
export const MEDIA_HOST = process.env['XRTC_TEST_HOST'] ?? '127.0.0.1'

/** A running server and the address of its pages. */
export interface Site {
  readonly server: MediaServer
  readonly url: string
}

/** Where a site is. */
export interface Place {
  /** The address that browsers use. Default: the loopback. */
  readonly host?: string
  /** Media over TCP has the port of the pages. */
  readonly sharesPort?: boolean
}

/** Starts a server with two workers and serves its pages on a free port. */
export async function startSite(
  t: ExecutionContext,
  options: ServerOptions = {},
  { host = '127.0.0.1', sharesPort = false }: Place = {},
): Promise<Site> {
  // Sooner than the whole suite's limit, so that the test is named that stands still.
  t.timeout(100_000, 'the test stands still')
  const http = createHttpServer().listen(0, host === '127.0.0.1' ? host : '0.0.0.0')
  await once(http, 'listening')
  const tcp = sharesPort ? { tcp: { server: http } } : {}
  const server = await createServer({ udp: { host: MEDIA_HOST }, workers: 2, ...tcp, ...options })
  http.on('request', server.signaling({ pages: true, xrtc: true }).listener)
  t.teardown(async () => {
    http.closeAllConnections()
    http.close()
    await server.close()
  })
  return { server, url: `http://${host}:${(http.address() as AddressInfo).port}` }
}

/**
 * Headless Chromium with a fake camera and microphone that it may use without asking; in a network of its own if need be,
 * and with further flags.
 */
export async function startChromium(
  t: ExecutionContext,
  network?: Namespace,
  flags: readonly string[] = [],
): Promise<Browser> {
  const program = process.env['XRTC_CHROMIUM'] ?? '/usr/bin/chromium'
  const browser = await puppeteer.launch({
    executablePath: network?.wrap(t, program) ?? program,
    headless: true,
    // No port of another network can be connected to.
    pipe: network !== undefined,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-background-timer-throttling',
      '--disable-backgrounding-occluded-windows',
      '--disable-renderer-backgrounding',
      '--use-fake-device-for-media-stream=fps=20',
      '--use-fake-ui-for-media-stream',
      '--autoplay-policy=no-user-gesture-required',
      ...flags,
    ],
  })
  t.teardown(() => browser.close())
  return browser
}

/** Headless Firefox, driven by WebDriver BiDi, with a fake camera and microphone. */
export async function startFirefox(t: ExecutionContext): Promise<Browser> {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: process.env['XRTC_FIREFOX'] ?? '/usr/bin/firefox-esr',
    headless: true,
    extraPrefsFirefox: {
      'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true,
      'media.autoplay.default': 0,
      'media.getusermedia.insecure.enabled': true,
    },
  })
  t.teardown(() => browser.close())
  return browser
}

/** Opens a page that stays visible when others are opened: hidden ones show no frames. */
export async function newPage(browser: Browser): Promise<Page> {
  if (/firefox/i.test(await browser.version())) return browser.newPage({ type: 'window' })
  const page = await browser.newPage()
  const session = await page.createCDPSession()
  await session.send('Emulation.setFocusEmulationEnabled', { enabled: true })
  return page
}

/** Opens the push page, which starts by itself, and waits until it is live. */
export async function openPush(
  browser: Browser,
  { url }: Site,
  stream: string,
  query = '',
  size: 360 | 720 = 360,
): Promise<Page> {
  const page = await newPage(browser)
  await page.goto(`${url}/push/${stream}?start=1&size=${size}${query}`)
  await live(page)
  return page
}

/** Opens the pull page, turns its sound on and waits until it is live. */
export async function openPull(browser: Browser, { url }: Site, stream: string, query = ''): Promise<Page> {
  const page = await newPage(browser)
  await page.goto(`${url}/pull/${stream}${query}`)
  await live(page)
  // The device's sound must be rendered for the browser to measure its energy.
  await page.evaluate(
    `(() => { const video = document.getElementById('video'); video.muted = false; return video.play() })()`,
  )
  return page
}

/** Waits until the page's session is live; a page that ends instead fails with what it shows. */
export async function live(page: Page): Promise<void> {
  await page.waitForFunction(`globalThis.session && (session.state === 'live' || session.state === 'closed')`, WAIT)
  const state = await page.evaluate(`session.state + ' ' + (session.problem?.message ?? '')`)
  if (state !== 'live ') throw new Error(`the session is ${String(state)}`)
}

/** Waits until an expression is true in the page. */
export async function pageShows(page: Page, expression: string, timeout: number = WAIT.timeout): Promise<void> {
  await page.waitForFunction(expression, { timeout, polling: 50 })
}

/** One dictionary of an `RTCStatsReport`. */
export interface Stats {
  readonly id: string
  readonly type: string
  readonly [member: string]: unknown
}

/** The browser's own statistics of the page's session. */
export async function browserStats(page: Page): Promise<readonly Stats[]> {
  return (await page.evaluate(
    `session.peerConnection.getStats().then((report) => [...report.values()].map((s) => ({ ...s })))`,
  )) as Stats[]
}

/** The one dictionary of that type and kind; of several (simulcast) the first. */
export function pick(stats: Iterable<Stats>, type: string, kind: 'audio' | 'video'): Stats {
  for (const one of stats) if (one.type === type && one['kind'] === kind) return one
  throw new Error(`no ${type} of ${kind}`)
}

/** A number of a dictionary. */
export function number(stats: Stats, member: string): number {
  const value = stats[member]
  if (typeof value !== 'number') throw new Error(`${stats.type} has no number ${member}: ${String(value)}`)
  return value
}

/** How bright and how varied the page's picture is now: mean and deviation of its luma, 0 to 255. */
export async function luma(page: Page): Promise<{ readonly mean: number; readonly deviation: number }> {
  return (await page.evaluate(`(() => {
    const video = document.getElementById('video')
    const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 36 })
    const context = canvas.getContext('2d')
    context.drawImage(video, 0, 0, 64, 36)
    const { data } = context.getImageData(0, 0, 64, 36)
    const lumas = []
    for (let i = 0; i < data.length; i += 4) lumas.push(0.2126 * data[i] + 0.7152 * data[i + 1] + 0.0722 * data[i + 2])
    const mean = lumas.reduce((a, b) => a + b, 0) / lumas.length
    const deviation = Math.sqrt(lumas.reduce((sum, one) => sum + (one - mean) ** 2, 0) / lumas.length)
    return { mean, deviation }
  })()`)) as { mean: number; deviation: number }
}

/** Begins to record when each frame is shown; `shownFrames` reads it. */
export async function recordFrames(page: Page): Promise<void> {
  await page.evaluate(`(() => {
    const video = document.getElementById('video')
    globalThis.shown = []
    const record = (now, frame) => {
      shown.push({ now, width: frame.width, height: frame.height })
      video.requestVideoFrameCallback(record)
    }
    video.requestVideoFrameCallback(record)
  })()`)
}

/** When each frame was shown since `recordFrames`, in ms of the page's clock, and its size. */
export async function shownFrames(page: Page): Promise<readonly { now: number; width: number; height: number }[]> {
  return (await page.evaluate('shown')) as { now: number; width: number; height: number }[]
}

const WAIT = { timeout: 20_000, polling: 50 } as const
