// A viewer's media changes while it plays: by the browser's offers, by the server's, and ICE restarts by the server's.

import { once } from 'node:events'
import test from 'ava'
import type { Page } from 'puppeteer-core'
import type { OutboundRtpStats, Peer, PullPeer, SessionDescription } from 'xrtc'
import { newPage, openPush, pageShows, startChromium, startFirefox, startSite } from './harness.ts'

const PLAY = `(async () => {
  const connection = (globalThis.connection = new RTCPeerConnection())
  for (const kind of ['audio', 'video']) connection.addTransceiver(kind, { direction: 'recvonly' })
  const srcObject = new MediaStream(connection.getReceivers().map(({ track }) => track))
  const video = Object.assign(document.createElement('video'), { autoplay: true, muted: true, srcObject })
  document.body.replaceChildren(video)
  globalThis.frames = 0
  const count = () => {
    frames += 1
    video.requestVideoFrameCallback(count)
  }
  video.requestVideoFrameCallback(count)
  globalThis.turn = (kind, direction) => {
    const of = ({ receiver }) => receiver.track.kind === kind
    connection.getTransceivers().filter(of).forEach((transceiver) => (transceiver.direction = direction))
  }
  globalThis.received = async (kind) => {
    const report = await connection.getStats()
    return kind === 'video' ? frames : [...report.values()]
      .filter((one) => one.type === 'inbound-rtp' && one.kind === kind)
      .reduce((sum, one) => sum + one.packetsReceived, 0)
  }
})()`

for (const [name, start] of [
  ['Chromium', startChromium],
  ['Firefox', startFirefox],
] as const) {
  test.serial(`${name} takes video out and in again, the server sound, and ICE restarts on the way`, async (t) => {
    const site = await startSite(t)
    const chromium = await startChromium(t)
    await openPush(chromium, site, 'later', '&codec=VP8')
    const browser = name === 'Chromium' ? chromium : await start(t)
    const page = await newPage(browser)
    await page.goto(site.url)
    await page.evaluate(PLAY)
    const pull = site.server.peer({ pull: 'later' })
    await browserOffers(page, pull)
    await pageShows(page, 'frames > 5')
    const sources = await sourcesOf(pull)

    // By the browser's offer: no picture any more, the sound goes on.
    await page.evaluate(`turn('video', 'inactive')`)
    await browserOffers(page, pull)
    const stopped = await sent(pull, 'video')
    await receives(page, 'audio', 50)
    t.is(await sent(pull, 'video'), stopped)
    await page.evaluate(`turn('video', 'recvonly')`)
    await browserOffers(page, pull)
    await receives(page, 'video', 20)

    // By the server's: no sound, the picture goes on.
    pull.setMedia({ audio: false })
    await serverOffers(page, pull)
    const silent = await sent(pull, 'audio')
    await receives(page, 'video', 20)
    t.is(await sent(pull, 'audio'), silent)
    pull.setMedia({})
    await serverOffers(page, pull)
    await receives(page, 'audio', 50)

    const session = pull.iceSession
    pull.restartIce()
    await serverOffers(page, pull)
    t.not(pull.iceSession, session)
    await receives(page, 'video', 40)
    await pageShows(
      page,
      `connection.iceConnectionState === 'connected' || connection.iceConnectionState === 'completed'`,
    )
    t.is(pull.connectionState, 'connected')
    t.deepEqual(await sourcesOf(pull), sources, 'the sources are the same all the time')
    t.is(site.server.peers().length, 2)
  })
}

test.serial('both offer at once: the server’s offer yields, and the browser’s holds', async (t) => {
  const site = await startSite(t)
  const browser = await startChromium(t)
  await openPush(browser, site, 'glare', '&codec=VP8')
  const page = await newPage(browser)
  await page.goto(site.url)
  await page.evaluate(PLAY)
  const pull = site.server.peer({ pull: 'glare' })
  await browserOffers(page, pull)
  await pageShows(page, 'frames > 5')
  pull.setMedia({ video: false })
  await pull.setLocalDescription()
  t.is(pull.signalingState, 'have-local-offer')
  await page.evaluate(`turn('audio', 'inactive')`)
  await browserOffers(page, pull)
  t.is(pull.signalingState, 'stable')
  await receives(page, 'video', 30)
  // A browser rolls its own offer back just so, and takes the server's.
  await page.evaluate('connection.setLocalDescription()')
  await page.evaluate(`connection.setLocalDescription({ type: 'rollback' })`)
  await serverOffers(page, pull)
  t.deepEqual(
    await page.evaluate(`connection.getTransceivers().map(({ currentDirection }) => currentDirection)`),
    // The server offers sound; the browser still does not want it.
    ['inactive', 'inactive'],
  )
})

test.serial('a publisher is offered an ICE restart, and its viewers see no gap', async (t) => {
  const site = await startSite(t)
  const browser = await startChromium(t)
  const push = await openPush(browser, site, 'restart', '&codec=VP8')
  const peer = site.server.stream('restart')!.publisher!
  const viewer = await newPage(browser)
  await viewer.goto(site.url)
  await viewer.evaluate(PLAY)
  await browserOffers(viewer, site.server.peer({ pull: 'restart' }))
  await pageShows(viewer, 'frames > 5')
  await push.evaluate('globalThis.connection = session.peerConnection')
  peer.restartIce()
  const session = peer.iceSession
  await serverOffers(push, peer)
  t.not(peer.iceSession, session)
  const before = Number(await viewer.evaluate('frames'))
  await pageShows(viewer, `frames > ${before + 20}`)
  t.is(peer.connectionState, 'connected')
  await push.evaluate('session.close()')
  if (!peer.closed) await once(peer, 'closed')
})

async function browserOffers(page: Page, peer: Peer): Promise<void> {
  await page.evaluate('connection.setLocalDescription()')
  const offer = await page.evaluate(`({ type: 'offer', sdp: connection.localDescription.sdp })`)
  await peer.setRemoteDescription(offer as SessionDescription)
  await peer.setLocalDescription()
  await page.evaluate(`connection.setRemoteDescription(${JSON.stringify(peer.localDescription)})`)
}

async function serverOffers(page: Page, peer: Peer): Promise<void> {
  await peer.setLocalDescription()
  const answer = await page.evaluate(`(async () => {
    await connection.setRemoteDescription(${JSON.stringify(peer.localDescription)})
    await connection.setLocalDescription()
    return { type: 'answer', sdp: connection.localDescription.sdp }
  })()`)
  await peer.setRemoteDescription(answer as SessionDescription)
}

/** Waits until so many more packets of sound have come, or frames been shown. */
async function receives(page: Page, kind: string, more: number): Promise<void> {
  const before = Number(await page.evaluate(`received('${kind}')`))
  await pageShows(page, `received('${kind}').then((now) => now > ${before + more})`)
}

async function outbound(peer: PullPeer): Promise<readonly OutboundRtpStats[]> {
  return [...(await peer.getStats()).values()].filter((one) => one.type === 'outbound-rtp')
}

async function sent(peer: PullPeer, kind: string): Promise<number | undefined> {
  return (await outbound(peer)).find((one) => one.kind === kind)?.packetsSent
}

async function sourcesOf(peer: PullPeer): Promise<readonly number[]> {
  return (await outbound(peer)).map(({ ssrc }) => ssrc).toSorted((a, b) => a - b)
}
