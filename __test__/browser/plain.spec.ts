// WHIP and WHEP by plain fetch and RTCPeerConnection, without our browser library.

import test from 'ava'
import { newPage, pageShows, startChromium, startSite } from './harness.ts'

const PUBLISH = `(async () => {
  const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true })
  const connection = new RTCPeerConnection()
  for (const track of media.getTracks()) connection.addTransceiver(track, { direction: 'sendonly', streams: [media] })
  await connection.setLocalDescription(await connection.createOffer())
  const response = await fetch('/whip/plain', {
    method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: connection.localDescription.sdp,
  })
  await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() })
  globalThis.connection = connection
  globalThis.session = response.headers.get('location')
  return { status: response.status, type: response.headers.get('content-type') }
})()`

const PLAY = `(async () => {
  const connection = new RTCPeerConnection()
  connection.addTransceiver('audio', { direction: 'recvonly' })
  connection.addTransceiver('video', { direction: 'recvonly' })
  const media = new MediaStream()
  connection.ontrack = ({ track }) => media.addTrack(track)
  await connection.setLocalDescription(await connection.createOffer())
  const response = await fetch('/whep/plain', {
    method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: connection.localDescription.sdp,
  })
  await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() })
  const video = Object.assign(document.createElement('video'), { autoplay: true, muted: true, srcObject: media })
  document.body.replaceChildren(video)
  globalThis.video = video
  globalThis.session = response.headers.get('location')
  return { status: response.status, type: response.headers.get('content-type') }
})()`

test.serial('plain fetch publishes, plays and ends both sessions', async (t) => {
  const site = await startSite(t)
  const browser = await startChromium(t)
  const push = await newPage(browser)
  await push.goto(`${site.url}/`)
  t.deepEqual(await push.evaluate(PUBLISH), { status: 201, type: 'application/sdp' })
  await pageShows(push, `connection.connectionState === 'connected'`)
  const pull = await newPage(browser)
  await pull.goto(`${site.url}/`)
  t.deepEqual(await pull.evaluate(PLAY), { status: 201, type: 'application/sdp' })
  await pageShows(pull, 'video.currentTime > 1 && video.videoWidth > 0')
  for (const page of [pull, push]) {
    t.is(await page.evaluate(`fetch(session, { method: 'DELETE' }).then(({ status }) => status)`), 200)
    t.is(await page.evaluate(`fetch(session, { method: 'DELETE' }).then(({ status }) => status)`), 404)
  }
  t.deepEqual(site.server.peers(), [])
})
