// Signaling of one's own, without HTTP: the server offers, browsers answer, and ICE is restarted by a later offer.

import { once } from 'node:events'
import test from 'ava'
import type { Peer, SessionDescription } from 'xrtc'
import { newPage, pageShows, startChromium, startSite } from './harness.ts'

const answerPush = (offer: SessionDescription): string => `(async () => {
  const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true })
  const connection = (globalThis.connection = new RTCPeerConnection())
  await connection.setRemoteDescription(${JSON.stringify(offer)})
  for (const transceiver of connection.getTransceivers()) {
    transceiver.direction = 'sendonly'
    await transceiver.sender.replaceTrack(media.getTracks().find(({ kind }) => kind === transceiver.receiver.track.kind))
  }
  await connection.setLocalDescription()
  return { type: 'answer', sdp: connection.localDescription.sdp }
})()`

const answerPull = (offer: SessionDescription): string => `(async () => {
  const connection = (globalThis.connection = new RTCPeerConnection())
  const media = new MediaStream()
  connection.ontrack = ({ track }) => media.addTrack(track)
  await connection.setRemoteDescription(${JSON.stringify(offer)})
  await connection.setLocalDescription()
  globalThis.video = Object.assign(document.createElement('video'), { autoplay: true, muted: true, srcObject: media })
  document.body.replaceChildren(video)
  return { type: 'answer', sdp: connection.localDescription.sdp }
})()`

const OFFER = `(async () => {
  const connection = (globalThis.connection = new RTCPeerConnection())
  for (const kind of ['audio', 'video']) connection.addTransceiver(kind, { direction: 'recvonly' })
  const media = new MediaStream()
  connection.ontrack = ({ track }) => media.addTrack(track)
  globalThis.candidates = []
  connection.onicecandidate = ({ candidate }) => candidates.push(candidate?.toJSON() ?? null)
  await connection.setLocalDescription()
  globalThis.video = Object.assign(document.createElement('video'), { autoplay: true, muted: true, srcObject: media })
  document.body.replaceChildren(video)
  return { type: 'offer', sdp: connection.localDescription.sdp }
})()`

const RESTART = `(async () => {
  connection.restartIce()
  await connection.setLocalDescription()
  return { type: 'offer', sdp: connection.localDescription.sdp }
})()`

test.serial('the server offers to a publisher and a viewer, who answer', async (t) => {
  const { server, url } = await startSite(t)
  const browser = await startChromium(t)
  const [pushPage, pullPage] = [await newPage(browser), await newPage(browser)]
  for (const page of [pushPage, pullPage]) await page.goto(url)

  const push = await server.push('own')
  const states = statesOf(push)
  const connected = becomes(push, 'connected')
  await push.setRemoteDescription((await pushPage.evaluate(answerPush(push.localDescription!))) as SessionDescription)
  t.is(push.signalingState, 'stable')
  await connected
  // What changes twice at once is told once.
  t.regex(states.join(), /^(?:connecting,)?connected$/)
  const stream = server.stream('own')!
  if (!stream.live) await once(stream, 'change')

  const pull = await server.pull('own')
  await pull.setRemoteDescription((await pullPage.evaluate(answerPull(pull.localDescription!))) as SessionDescription)
  await pageShows(pullPage, 'video.currentTime > 1 && video.videoWidth > 0')
  t.deepEqual(stream.tracks.map(({ kind, live }) => `${kind} ${live}`).toSorted(), ['audio true', 'video true'])
  t.deepEqual(stream.viewers, [pull])

  const closed = once(pull, 'closed')
  await pullPage.evaluate('connection.close()')
  t.is(((await closed) as [{ reason: string }])[0].reason, 'peerClosed')
  await push.close()
  await pageShows(pushPage, `connection.getSenders()[0].transport.state === 'closed'`)
})

test.serial('a viewer offers, trickles its candidates and restarts ICE without a gap in the picture', async (t) => {
  const { server, url } = await startSite(t)
  const browser = await startChromium(t)
  const pushPage = await newPage(browser)
  await pushPage.goto(`${url}/push/own?start=1&size=360&codec=VP8`)
  await once(server, 'streamadded')
  await pageShows(pushPage, `session.state === 'live'`)

  const page = await newPage(browser)
  await page.goto(url)
  const pull = server.peer({ pull: 'own' })
  await pull.setRemoteDescription((await page.evaluate(OFFER)) as SessionDescription)
  await pull.setLocalDescription(await pull.createAnswer())
  await page.evaluate(`connection.setRemoteDescription(${JSON.stringify(pull.localDescription)})`)
  await pageShows(page, `connection.iceGatheringState === 'complete' && candidates.at(-1) === null`)
  for (const candidate of (await page.evaluate('candidates')) as []) await pull.addIceCandidate(candidate)
  await pageShows(page, 'video.currentTime > 1 && video.videoWidth > 0')

  const session = pull.iceSession
  await pull.setRemoteDescription((await page.evaluate(RESTART)) as SessionDescription)
  await pull.setLocalDescription(await pull.createAnswer())
  t.not(pull.iceSession, session)
  const before = Number(await page.evaluate('video.currentTime'))
  await page.evaluate(`connection.setRemoteDescription(${JSON.stringify(pull.localDescription)})`)
  await pageShows(page, `video.currentTime > ${before + 1} && connection.iceConnectionState === 'connected'`)
  t.is(pull.connectionState, 'connected')
})

function statesOf(peer: Peer): readonly string[] {
  const states: string[] = []
  peer.on('connectionstatechange', ({ connectionState }) => states.push(connectionState))
  return states
}

async function becomes(peer: Peer, state: string): Promise<void> {
  while (peer.connectionState !== state) await once(peer, 'connectionstatechange')
}
