// Viewers behind routers: symmetric NAT, no UDP, other addresses while they play, a cable that is pulled.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import type { Page } from 'puppeteer-core'
import type { PeerStats } from 'xrtc'
import {
  openPull,
  openPush,
  pageShows,
  recordFrames,
  shownFrames,
  startChromium,
  startSite,
  type Site,
} from './harness.ts'
import { until } from '../harness.ts'
import {
  giveAddress,
  makeNetwork,
  NO_UDP,
  ONE_PORT,
  ONE_UDP_PORT,
  ROUTER,
  SERVER,
  SYMMETRIC_NAT,
  VIEWER,
  type Network,
} from './network.ts'

interface Scene {
  readonly site: Site
  readonly network: Network
  readonly pull: Page
  /** From the opening of the viewer's page until it was live. */
  readonly liveAfterMs: number
}

/** A publisher beside the server, and a viewer behind the router. */
async function scene(
  t: ExecutionContext,
  rules: string | ((site: Site) => string),
  sharesPort = false,
): Promise<Scene> {
  const network = await makeNetwork(t)
  const site = await startSite(t, { udp: { host: SERVER } }, { host: SERVER, sharesPort })
  network.router.nft(typeof rules === 'string' ? rules : rules(site))
  await openPush(await startChromium(t), { ...site, url: site.url.replace(SERVER, '127.0.0.1') }, 'far')
  const browser = await startChromium(t, network.viewer)
  const begin = performance.now()
  const pull = await openPull(browser, site, 'far')
  const liveAfterMs = performance.now() - begin
  await pageShows(pull, `document.getElementById('video').currentTime > 1`)
  return { site, network, pull, liveAfterMs }
}

/** The viewer's path as the server sees it, and its part of ICE. */
async function path({ site }: Scene): Promise<{ remote: PeerStats; ufrag: string; changes: number }> {
  const viewer = site.server.stream('far')?.viewers[0]
  const stats = [...((await viewer?.getStats())?.values() ?? [])]
  const remote = stats.find(({ type }) => type === 'remote-candidate')
  const transport = stats.find(({ type }) => type === 'transport')
  if (remote === undefined || transport?.type !== 'transport') throw new Error('no viewer with a path')
  const { iceLocalUsernameFragment: ufrag, selectedCandidatePairChanges: changes } = transport
  return { remote, ufrag: String(ufrag), changes: Number(changes) }
}

/** The longest time without a new picture during `act` and until five seconds of pictures after it, in ms. */
async function longestGap(pull: Page, act: () => unknown): Promise<number> {
  await recordFrames(pull)
  await pageShows(pull, 'shown.length > 20')
  await act()
  const now = Number(await pull.evaluate('performance.now()'))
  await pageShows(pull, `shown.filter((frame) => frame.now > ${now}).length > 60`, 30_000)
  const frames = (await shownFrames(pull)).map((frame) => frame.now)
  return Math.max(...frames.slice(1).map((at, index) => at - (frames[index] ?? at)))
}

test.serial(
  'D59: Chromium behind a symmetric NAT plays, and goes on when the NAT gives it another address',
  async (t) => {
    const playing = await scene(t, SYMMETRIC_NAT)
    const before = await path(playing)
    t.like(before.remote, { protocol: 'udp', address: ROUTER })
    const gap = await longestGap(playing.pull, () => {
      const { router } = playing.network
      router.ip('address add 10.78.0.3/24 dev wan')
      router.ip(`address delete ${ROUTER}/24 dev wan`)
      // With the first address its route to the server has gone.
      router.ip('address replace 10.78.0.3/24 dev wan')
    })
    const after = await path(playing)
    t.log(`${Math.round(gap)} ms without a new picture`)
    t.like(after.remote, { protocol: 'udp', address: '10.78.0.3' })
    t.is(after.ufrag, before.ufrag, 'without a restart')
    t.true(gap < MOST_PING_MS, `${gap} ms without a new picture`)
  },
)

test.serial('D62: Chromium whose network lets no UDP through plays within three seconds over TCP', async (t) => {
  const playing = await scene(t, NO_UDP)
  const { remote } = await path(playing)
  t.like(remote, { protocol: 'tcp', address: VIEWER })
  t.log(`live ${Math.round(playing.liveAfterMs)} ms after its page was opened`)
  t.true(playing.liveAfterMs < 3_000, `live after ${playing.liveAfterMs} ms`)
})

test.serial('D62: Chromium whose network lets it reach the port of the pages alone plays through that', async (t) => {
  const playing = await scene(t, ({ url }) => ONE_PORT(Number(new URL(url).port)), true)
  t.like((await path(playing)).remote, { protocol: 'tcp', address: VIEWER })
  t.log(`live ${Math.round(playing.liveAfterMs)} ms after its page was opened`)
  t.true(playing.liveAfterMs < 3_000, `live after ${playing.liveAfterMs} ms`)
})

test.serial('D59: Chromium plays on when its machine gets another address', async (t) => {
  const playing = await scene(t, '')
  const before = await path(playing)
  t.like(before.remote, { protocol: 'udp', address: VIEWER })
  const gap = await longestGap(playing.pull, () => {
    const { viewer } = playing.network
    viewer.ip(`address delete ${VIEWER}/24 dev eth0`)
    giveAddress(viewer, '10.79.0.3')
  })
  const after = await path(playing)
  t.log(`${Math.round(gap)} ms without a new picture`)
  t.like(after.remote, { protocol: 'udp', address: '10.79.0.3' })
  t.is(after.ufrag, before.ufrag, 'without a restart')
  t.true(gap < MOST_LOOK_MS + MOST_PING_MS, `${gap} ms without a new picture`)
})

test.serial('Chromium plays on when its cable was pulled until it saw that', async (t) => {
  const playing = await scene(t, '')
  const before = await path(playing)
  let pulledMs = 0
  const gap = await longestGap(playing.pull, async () => {
    const begin = performance.now()
    playing.network.viewer.ip('link set eth0 down')
    await pageShows(playing.pull, `session.peerConnection.iceConnectionState === 'disconnected'`)
    pulledMs = performance.now() - begin
    playing.network.viewer.ip('link set eth0 up')
    playing.network.viewer.ip(`route replace default via 10.79.0.1 dev eth0 src ${VIEWER}`)
  })
  t.log(`${Math.round(gap)} ms without a new picture, ${Math.round(pulledMs)} ms of them without a cable`)
  t.is((await path(playing)).ufrag, before.ufrag, 'without a restart')
  t.true(gap < pulledMs + MOST_PING_MS, `${gap} ms without a new picture`)
})

/** Chromium looks for other addresses of its machine every 2 s. */
const MOST_LOOK_MS = 2_500
/** Chromium checks a path that works every 2.5 s, and no server learns before that where it is now. */
const MOST_PING_MS = 3_500

test.serial('another server that reaches the TURN server alone pulls by way of that', async (t) => {
  const network = await makeNetwork(t)
  const options = { udp: { host: SERVER }, turn: { port: 0, host: SERVER } }
  const site = await startSite(t, options, { host: SERVER })
  network.router.nft(ONE_UDP_PORT(site.server.turn?.bound[0]?.port ?? 0))
  await openPush(await startChromium(t), { ...site, url: site.url.replace(SERVER, '127.0.0.1') }, 'far')
  const edge = spawn(network.viewer.wrap(t, process.execPath), [
    fileURLToPath(new URL('edge.js', import.meta.url)),
    `${site.url}/whep/far`,
    JSON.stringify(site.server.iceServers()),
  ])
  t.teardown(() => edge.kill())
  edge.stderr.pipe(process.stderr)
  const [told] = (await once(createInterface({ input: edge.stdout }), 'line')) as [string]
  t.is(told, 'relay')
  t.is((await site.server.held()).turnAllocations, 1)
  edge.stdin.end()
  t.deepEqual(await once(edge, 'exit'), [0, null])
  await until(async () => (await site.server.held()).turnAllocations === 0)
})
