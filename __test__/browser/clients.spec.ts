// The clients that others wrote, and plain `fetch`, against the signaling: in Chromium, with media.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import type { Browser, Page } from 'puppeteer-core'
import { createServer, type MediaServer, type Peer, type Signaling, type SignalingOptions } from 'xrtc'
import { newPage, pageShows, startChromium } from './harness.ts'

const MEDIA_HOST = process.env['XRTC_TEST_HOST'] ?? '127.0.0.1'
const TOKEN = 'secret'
/** The longest time without a new frame that a viewer may see while ICE restarts: at 20 frames a second, half a second. */
const MAX_GAP_MS = 500

interface Site {
  readonly server: MediaServer
  readonly signaling: Signaling
  readonly url: string
}

const find = createRequire(import.meta.url).resolve
const FILES: Readonly<Record<string, string>> = {
  '/medooze/whip.js': find('whip-whep/whip.js'),
  '/medooze/whep.js': find('whip-whep/whep.js'),
  '/eyevinn/player.cjs': find('@eyevinn/webrtc-player'),
  '/eyevinn/events.cjs': find('events/'),
}

/** A server whose signaling wants a token, beside an empty page and the clients' modules. */
async function startSite(t: ExecutionContext, options: SignalingOptions = {}): Promise<Site> {
  // medooze's clients put commas between the candidates of a restart's reply, which browsers do not read: there is only one.
  const server = await createServer({ udp: { host: MEDIA_HOST }, tcp: false, workers: 2, publisherGraceMs: 0 })
  const signaling = server.signaling({ authorize: ({ token }) => token === TOKEN, ...options })
  const http = createHttpServer((request, response) =>
    signaling.listener(request, response, () => {
      const file = FILES[request.url ?? '']
      response.setHeader('Content-Type', file === undefined ? 'text/html' : 'text/javascript')
      response.end(file === undefined ? '<!doctype html><video id=video autoplay muted>' : readFileSync(file))
    }),
  ).listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.teardown(async () => {
    http.closeAllConnections()
    http.close()
    await server.close()
  })
  return { server, signaling, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` }
}

async function blankPage(browser: Browser, { url }: Site): Promise<Page> {
  const page = await newPage(browser)
  await page.goto(`${url}/blank`)
  return page
}

const PUBLISH = `(async () => {
  const { WHIPClient } = await import('/medooze/whip.js')
  const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 240 } })
  globalThis.connection = new RTCPeerConnection()
  for (const track of media.getTracks()) connection.addTransceiver(track, { direction: 'sendonly', streams: [media] })
  globalThis.client = new WHIPClient()
  await client.publish(connection, '/whip/lobby?app=live'.replace(/^/, location.origin), '${TOKEN}')
})()`

/** Publishes with medooze's client and waits until the stream is live. */
async function publish(browser: Browser, site: Site): Promise<Page> {
  const page = await blankPage(browser, site)
  await page.evaluate(PUBLISH)
  const stream = site.server.stream('lobby')!
  while (!stream.live) await once(stream, 'change')
  return page
}

const PLAYS = `document.getElementById('video').currentTime > 1 && document.getElementById('video').videoWidth === 320`

test.serial('A16: medooze’s client publishes, trickles, restarts ICE, and stops; nothing is left', async (t) => {
  const site = await startSite(t)
  const browser = await startChromium(t)
  const page = await publish(browser, site)
  const publisher = site.server.stream('lobby')!.publisher!
  const { iceSession } = publisher
  await page.evaluate('client.restart()')
  t.not(publisher.iceSession, iceSession)
  await sendsOverItsNewPath(publisher)
  // What its mute() does is no part of WHIP: it is refused and does no harm.
  await page.evaluate('client.mute({ audio: true })')
  t.is(site.signaling.sessionCount, 1)
  const removed = once(site.server, 'streamremoved')
  await page.evaluate('client.stop()')
  await removed
  t.is(site.signaling.sessionCount, 0)
  t.deepEqual(site.server.peers(), [])
})

test.serial(
  'A14: medooze’s player, which sends no If-Match, plays and restarts ICE with the lenient option',
  async (t) => {
    const site = await startSite(t, { lenientIfMatch: true })
    const browser = await startChromium(t)
    await publish(browser, site)
    const page = await blankPage(browser, site)
    const errors: unknown[] = []
    page.on('pageerror', (error) => errors.push(error))
    await page.evaluate(`(async () => {
    const { WHEPClient } = await import('/medooze/whep.js')
    globalThis.connection = new RTCPeerConnection()
    const media = (document.getElementById('video').srcObject = new MediaStream())
    connection.ontrack = ({ track }) => media.addTrack(track)
    for (const kind of ['audio', 'video']) connection.addTransceiver(kind, { direction: 'recvonly' })
    globalThis.client = new WHEPClient()
    await client.view(connection, location.origin + '/whep/lobby', '${TOKEN}')
  })()`)
    await pageShows(page, PLAYS)
    const viewer = site.server.stream('lobby')!.viewers[0]!
    await page.evaluate('client.restart()')
    await sendsOverItsNewPath(viewer)
    const closed = once(viewer, 'closed')
    await page.evaluate('client.stop()')
    await closed
    t.deepEqual(errors, [])
    t.is(site.signaling.sessionCount, 1)
  },
)

test.serial('B30: Eyevinn’s player plays, with its bare token and NACK for Opus, and leaves', async (t) => {
  const site = await startSite(t)
  const browser = await startChromium(t)
  await publish(browser, site)
  const page = await blankPage(browser, site)
  // The package is CommonJS for bundlers. What it needs for advertisements and for WHPP has no part in WHEP.
  await page.evaluate(`(async () => {
    const load = async (path, needed) => {
      const module = { exports: {} }
      new Function('module', 'exports', 'require', await (await fetch(path)).text())(module, module.exports, (name) => needed[name])
      return module.exports
    }
    const needed = { events: await load('/eyevinn/events.cjs', {}), '@eyevinn/csai-manager': {}, '@eyevinn/whpp-client': {} }
    const { WebRTCPlayer } = await load('/eyevinn/player.cjs', needed)
    const video = document.getElementById('video')
    globalThis.player = new WebRTCPlayer({ video, type: 'whep', iceServers: [] })
    await player.load(new URL('/whep/lobby', location.origin), '${TOKEN}')
  })()`)
  await pageShows(page, PLAYS)
  const viewer = site.server.stream('lobby')!.viewers[0]!
  t.regex(viewer.remoteDescription!.sdp, /^a=rtcp-fb:111 nack\r$/m)
  const closed = once(viewer, 'closed')
  await page.evaluate('player.unload()')
  await closed
  t.is(site.signaling.sessionCount, 1)
})

const WATCH = `(async () => {
  globalThis.connection = new RTCPeerConnection()
  const media = (document.getElementById('video').srcObject = new MediaStream())
  connection.ontrack = ({ track }) => media.addTrack(track)
  for (const kind of ['audio', 'video']) connection.addTransceiver(kind, { direction: 'recvonly' })
  await connection.setLocalDescription()
  globalThis.request = (url, method, type, body, more) =>
    fetch(url, { method, body, headers: { Authorization: 'Bearer ${TOKEN}', 'Content-Type': type, ...more } })
  const response = await request('/whep/lobby', 'POST', 'application/sdp', connection.localDescription.sdp)
  globalThis.session = response.headers.get('Location')
  globalThis.etag = response.headers.get('ETag')
  globalThis.answer = await response.text()
  await connection.setRemoteDescription({ type: 'answer', sdp: answer })
})()`

const RECORD = `(() => {
  const video = document.getElementById('video')
  globalThis.shown = []
  const record = (now) => (shown.push(now), video.requestVideoFrameCallback(record))
  video.requestVideoFrameCallback(record)
})()`

const FRAGMENT = `(credentials) => [credentials, 'm=audio 9 UDP/TLS/RTP/SAVPF 0', 'a=mid:0', ''].join('\\r\\n')`
const PATCH = `(body) => request(session, 'PATCH', 'application/trickle-ice-sdpfrag', (${FRAGMENT})(body), { 'If-Match': '*' })`

const RESTART = `(async () => {
  await connection.setLocalDescription(await connection.createOffer({ iceRestart: true }))
  const own = connection.localDescription.sdp
  const response = await (${PATCH})(/a=ice-ufrag:.*\\r\\na=ice-pwd:.*/.exec(own)[0])
  const reply = await response.text()
  const [ufrag, pwd] = [/a=ice-ufrag:.*/.exec(reply)[0], /a=ice-pwd:.*/.exec(reply)[0]]
  const renewed = answer.replaceAll(/a=ice-ufrag:.*/g, ufrag).replaceAll(/a=ice-pwd:.*/g, pwd)
  await connection.setRemoteDescription({ type: 'answer', sdp: renewed })
  return response.status
})()`

test.serial('A16: plain fetch watches, and restarts ICE without a gap in the picture', async (t) => {
  const { site, page, viewer } = await watch(t)
  await page.evaluate(RECORD)
  t.is(await page.evaluate(RESTART), 200)
  await sendsOverItsNewPath(viewer)
  await goesOnWithoutGap(t, page)
  t.is(await page.evaluate(`request(session, 'DELETE').then(({ status }) => status)`), 200)
  t.is(site.signaling.sessionCount, 1)
})

test.serial('A18: a restart that fails is answered 400 and the picture goes on', async (t) => {
  const { page, viewer } = await watch(t)
  const { iceSession } = viewer
  await page.evaluate(RECORD)
  const failing = `(${PATCH})('a=ice-ufrag:abcd\\r\\na=ice-pwd:short').then(({ status }) => status)`
  t.is(await page.evaluate(failing), 400)
  await goesOnWithoutGap(t, page)
  t.is(viewer.iceSession, iceSession)
  t.is(viewer.connectionState, 'connected')
})

/** Publishes with medooze's client and watches with plain `fetch`. */
async function watch(
  t: ExecutionContext,
): Promise<{ readonly site: Site; readonly page: Page; readonly viewer: Peer }> {
  const site = await startSite(t)
  const browser = await startChromium(t)
  await publish(browser, site)
  const page = await blankPage(browser, site)
  await page.evaluate(WATCH)
  await pageShows(page, PLAYS)
  return { site, page, viewer: site.server.stream('lobby')!.viewers[0]! }
}

/** Waits until packets go over a pair of the newest ICE session. */
async function sendsOverItsNewPath(peer: Peer): Promise<void> {
  const sent = async (): Promise<number> => {
    const stats = [...(await peer.getStats()).values()]
    const transport = stats.find((one) => one.type === 'transport')!
    if (transport.iceLocalUsernameFragment !== peer.iceSession) throw new Error('the statistics are of another session')
    return transport.selectedCandidatePairChanges >= 2 ? transport.packetsSent + transport.packetsReceived : 0
  }
  // ava's timeout ends what waits in vain.
  let before = 0
  while (before === 0) before = await sent()
  while ((await sent()) <= before);
}

/** Sixty more frames, three seconds of them, come without a gap. */
async function goesOnWithoutGap(t: ExecutionContext, page: Page): Promise<void> {
  await pageShows(page, 'shown.length > 60')
  const gap = Number(await page.evaluate('Math.max(...shown.slice(1).map((now, index) => now - shown[index]))'))
  t.true(gap < MAX_GAP_MS, `no frame for ${gap} ms`)
}
