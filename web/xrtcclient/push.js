// The push page of the XRTC routes: the server offers, this page answers with a camera or a screen.
// Parameters: uid, streamName, audio, video, source=camera|screen, start=1, token.

import { captureCamera, captureScreen } from 'xrtc/client'
import { element, markToken, query } from '../page.js'
import { call, control, fieldsOfForm, sendAnswer, showRunning, watch } from './signaling.js'

const source = element('source', HTMLSelectElement)
const preview = element('preview', HTMLVideoElement)
const message = element('message', HTMLElement)
const watchLink = element('watch', HTMLAnchorElement)

/**
 * What runs now: one attempt from its start to its end.
 * @typedef {{ fields: ReturnType<typeof fieldsOfForm>, media?: MediaStream, connection?: RTCPeerConnection, offered?: boolean }} Push
 * @type {Push | undefined}
 */
let current

source.value = query.get('source') === 'screen' ? 'screen' : 'camera'

async function startPush() {
  if (current) return
  /** @type {Push} */
  const push = { fields: fieldsOfForm() }
  current = push
  showRunning('connecting')
  message.textContent = source.value === 'screen' ? 'Choose what to share…' : 'Opening the camera…'
  try {
    // Before the server is asked: its offer does not wait for somebody who has yet to choose a screen.
    const media = await capture(push.fields)
    if (current !== push) return release(media)
    push.media = media
    preview.srcObject = media
    message.textContent = 'Connecting…'
    for (const track of media.getTracks()) track.addEventListener('ended', () => sourceEnded(push, track))
    await connect(push, media)
  } catch (error) {
    await end(push, error instanceof Error ? error.message : String(error))
  }
}

/** @param {Push} push @param {MediaStream} media */
async function connect(push, media) {
  push.offered = true
  const { iceServers = [], ...offer } = await call('push', push.fields)
  if (current !== push) return
  const connection = new RTCPeerConnection({ iceServers })
  push.connection = connection
  for (const track of media.getTracks()) connection.addTrack(track, media)
  await connection.setRemoteDescription(offer)
  watch(connection, { connected: () => live(push), over: (why) => void end(push, why) })
  Object.assign(globalThis, { connection })
  await sendAnswer(connection, { ...push.fields, type: 'push' })
}

/** @param {ReturnType<typeof fieldsOfForm>} fields */
function capture({ audio, video }) {
  const [withAudio, withVideo] = [audio === '1', video === '1']
  return source.value === 'screen'
    ? captureScreen({ audio: withAudio })
    : captureCamera({ audio: withAudio, video: withVideo })
}

/** @param {Push} push */
function live(push) {
  if (current !== push) return
  showRunning('live')
  message.textContent = ''
  const address = new URL('xrtcclient/pull', document.baseURI)
  // Not the uid: each viewer has its own.
  const { streamName, audio, video } = push.fields
  for (const [name, value] of Object.entries({ streamName, audio, video })) address.searchParams.set(name, value)
  const token = query.get('token')
  if (token !== null) address.searchParams.set('token', token)
  watchLink.href = address.href
  markToken(watchLink)
  watchLink.hidden = false
}

// The browser's own button ends the sharing of a screen, an unplugged device ends itself.
/** @param {Push} push @param {MediaStreamTrack} track */
function sourceEnded(push, track) {
  const rest = push.media?.getTracks().some((other) => other.readyState === 'live')
  if (!rest || (source.value === 'screen' && track.kind === 'video')) {
    void end(push, source.value === 'screen' ? 'The screen is no longer shared.' : 'The devices are gone.')
  }
}

/** @param {Push} push @param {string} [why] */
async function end(push, why = '') {
  if (current !== push) return
  current = undefined
  release(push.media)
  push.connection?.close()
  preview.srcObject = null
  watchLink.hidden = true
  message.textContent = 'Press start to publish.'
  showRunning('closed', why)
  const { uid, streamName } = push.fields
  // What was refused has no session, and what the server ended is no news to it.
  if (push.offered) await call('stoppush', { uid, streamName }).catch(() => {})
}

/** @param {MediaStream | undefined} media */
function release(media) {
  for (const track of media?.getTracks() ?? []) track.stop()
}

control(startPush, async () => {
  if (current) await end(current)
})
