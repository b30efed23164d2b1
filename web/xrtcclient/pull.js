// The pull page of the XRTC routes: the server offers, this page answers and plays.
// Parameters: uid, streamName, audio, video, start=1, token.

import { element, showState } from '../page.js'
import { call, control, fieldsOfForm, sendAnswer, showRunning, watch } from './signaling.js'

const LOOK_MS = 1000
const video = element('remote', HTMLVideoElement)
const message = element('message', HTMLElement)
const sound = element('sound', HTMLButtonElement)

/**
 * What runs now: one attempt from its start to its end.
 * @typedef {{ fields: ReturnType<typeof fieldsOfForm>, connection?: RTCPeerConnection, away?: boolean }} Pull
 * @type {Pull | undefined}
 */
let current

async function startPull() {
  if (current) return
  /** @type {Pull} */
  const pull = { fields: fieldsOfForm() }
  current = pull
  showRunning('connecting')
  message.textContent = 'Connecting…'
  try {
    const { iceServers = [], ...offer } = await call('pull', pull.fields)
    if (current !== pull) return
    const connection = new RTCPeerConnection({ iceServers })
    pull.connection = connection
    const media = new MediaStream()
    // An element plays nothing until each track has something: a stream without picture would never be heard.
    connection.addEventListener('track', ({ track }) => {
      track.addEventListener('unmute', () => show(pull, media, track), { once: true })
    })
    await connection.setRemoteDescription(offer)
    watch(connection, { connected: () => live(pull, connection), over: (why) => void end(pull, why) })
    Object.assign(globalThis, { connection })
    await sendAnswer(connection, { ...pull.fields, type: 'pull' })
  } catch (error) {
    await end(pull, error instanceof Error ? error.message : String(error))
  }
}

/** @param {Pull} pull @param {MediaStream} media @param {MediaStreamTrack} track */
function show(pull, media, track) {
  if (current !== pull) return
  media.addTrack(track)
  // Not before there is something to show: Chromium never begins to play a stream that was empty at first.
  video.srcObject = media
  void video.play().catch(() => {})
}

/** @param {Pull} pull @param {RTCPeerConnection} connection */
function live(pull, connection) {
  if (current !== pull) return
  showRunning('live')
  message.textContent = ''
  sound.hidden = !video.muted
  if (pull.away === undefined) void watchSilence(pull, connection)
}

// A stream outlives its publisher for a while: the connection stays, only nothing comes.
/** @param {Pull} pull @param {RTCPeerConnection} connection */
async function watchSilence(pull, connection) {
  pull.away = false
  let before = -1
  while (true) {
    const bytes = await bytesReceived(connection)
    if (current !== pull) return
    pull.away = bytes === before
    before = bytes
    showState(pull.away ? 'waiting' : 'live')
    message.textContent = pull.away ? 'The publisher is away. It goes on here by itself.' : ''
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

/** @param {RTCPeerConnection} connection */
async function bytesReceived(connection) {
  let bytes = 0
  for (const stats of (await connection.getStats()).values()) {
    if (stats.type === 'inbound-rtp') bytes += stats.bytesReceived ?? 0
  }
  return bytes
}

/** @param {Pull} pull @param {string} [why] */
async function end(pull, why = '') {
  if (current !== pull) return
  current = undefined
  pull.connection?.close()
  video.srcObject = null
  sound.hidden = true
  message.textContent = 'Press start to watch.'
  const gone = pull.away === true && why !== ''
  showRunning('closed', gone ? 'The publisher did not come back, and the stream ended.' : why)
  const { uid, streamName } = pull.fields
  // What was refused has no session, and what the server ended is no news to it.
  await call('stoppull', { uid, streamName }).catch(() => {})
}

sound.addEventListener('click', () => {
  video.muted = false
  sound.hidden = true
  void video.play()
})
control(startPull, async () => {
  if (current) await end(current)
})
