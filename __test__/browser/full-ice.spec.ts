// A server that sends checks too, from a socket for each peer, and browsers: both offer once, and nothing is left.

import test from 'ava'
import { setImmediate as nextTick } from 'node:timers/promises'
import { newPage, openPull, openPush, pageShows, startChromium, startFirefox, startSite } from './harness.ts'

for (const [name, start] of [
  ['Chromium', startChromium],
  ['Firefox', startFirefox],
] as const) {
  test.serial(`${name} pushes and pulls with full ICE on both sides, whoever offers`, async (t) => {
    const { server, url } = await startSite(t, { ice: 'full' })
    const browser = await start(t)
    const idle = await server.held()
    const push = await openPush(browser, { server, url }, 'full')
    const pull = await openPull(browser, { server, url }, 'full')
    await pageShows(pull, `document.getElementById('video').currentTime > 2`)
    const viewer = server.stream('full')?.viewers[0]
    t.notRegex(viewer?.localDescription?.sdp ?? 'a=ice-lite', /a=ice-lite/)

    const offered = await newPage(browser)
    await offered.goto(`${url}/`)
    const peer = await server.pull('full')
    const answer = await offered.evaluate(`(${ANSWER})(${JSON.stringify(peer.localDescription?.sdp)})`)
    await peer.setRemoteDescription({ type: 'answer', sdp: String(answer) })
    await pageShows(offered, 'video.currentTime > 2')
    // A socket for each of the three, beside those that the workers share. Firefox also keeps the connections that it opens.
    const { workers } = await server.getStats()
    const connections = workers.reduce((sum, { sockets }) => sum + (sockets['tcpConnections'] ?? 0), 0)
    t.is((await server.held()).sockets, idle.sockets + 3 + connections)
    await Promise.all([push, pull, offered].map((page) => page.close()))
    await server.stream('full')?.close()
    // What was written on connections still leaves before they are closed.
    while ((await server.held()).sockets > idle.sockets) await nextTick()
    t.deepEqual(await server.held(), idle)
  })
}

const ANSWER = `async (sdp) => {
  const connection = (globalThis.connection = new RTCPeerConnection())
  const media = new MediaStream()
  connection.ontrack = ({ track }) => media.addTrack(track)
  const video = Object.assign(document.createElement('video'), { autoplay: true, muted: true, srcObject: media })
  document.body.replaceChildren((globalThis.video = video))
  await connection.setRemoteDescription({ type: 'offer', sdp })
  await connection.setLocalDescription(await connection.createAnswer())
  return connection.localDescription.sdp
}`
