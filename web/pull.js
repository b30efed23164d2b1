// The pull page: plays a stream by WHEP. It starts by itself and muted, because browsers forbid sound before a tap.
// Parameters: audio=0, video=0, token.

import { play } from 'xrtc/client'
import {
  addressOf,
  askForToken,
  element,
  query,
  sentence,
  showFigures,
  showState,
  streamOfAddress,
  tokenOption,
} from './page.js'

/** @typedef {import('xrtc/client').Player} Player */

const stream = streamOfAddress('pull')
const video = element('video', HTMLVideoElement)
const message = element('message', HTMLElement)
const problem = element('problem', HTMLElement)
const sound = element('sound', HTMLButtonElement)
const start = element('start', HTMLButtonElement)
const stop = element('stop', HTMLButtonElement)

/** @type {Player | undefined} */
let player

document.title = `Watch ${stream} · xrtc`
element('stream', HTMLElement).textContent = stream

function startPlaying() {
  const list = new URL('api/streams', document.baseURI)
  list.searchParams.set('name', stream)
  const started = play({
    endpoint: addressOf('whep', stream),
    list,
    audio: query.get('audio') !== '0',
    video: query.get('video') !== '0',
    ...tokenOption(),
  })
  player = started
  Object.assign(globalThis, { session: started })
  started.addEventListener('statechange', showSession)
  showSession()
  void showFigures(started, noticeSilence)
}

function showSession() {
  if (!player) return
  const { state, problem: reason } = player
  showState(state)
  message.textContent = messageOf(state)
  problem.textContent = state === 'closed' || state === 'reconnecting' ? sentence(reason?.message) : ''
  askForToken(reason?.code === 'unauthorized' || reason?.code === 'forbidden')
  start.hidden = state !== 'closed'
  stop.hidden = state === 'closed'
  offerSound(state === 'live')
  if (state === 'live') show(player.media)
}

// A stream outlives its publisher for a while: the session stays live, only nothing comes.
/** @param {import('xrtc/client').Figures} figures */
function noticeSilence({ audio, video: picture }) {
  if (player?.state !== 'live') return
  const rates = [audio?.bitrateBps, picture?.bitrateBps].filter((rate) => rate !== undefined)
  const silent = rates.length > 0 && rates.every((rate) => rate === 0)
  showState(silent ? 'waiting' : 'live')
  message.textContent = silent ? 'The publisher is away. It goes on here by itself.' : ''
  offerSound(!silent)
}

/** @param {boolean} comes whether there is something to hear */
function offerSound(comes) {
  sound.hidden = !comes || !video.muted
}

// Not before there is something to show: an element that waits for its first frame keeps the page loading.
/** @param {MediaStream} media */
function show(media) {
  if (video.srcObject !== media) video.srcObject = media
  void video.play().catch(() => {})
}

/** @param {string} state */
function messageOf(state) {
  if (state === 'waiting') return 'The stream is not live yet. It starts here by itself.'
  if (state === 'reconnecting') return 'Reconnecting…'
  if (state === 'connecting') return 'Connecting…'
  if (state === 'closed') return 'Stopped.'
  return ''
}

sound.addEventListener('click', () => {
  video.muted = false
  sound.hidden = true
  void video.play()
})
stop.addEventListener('click', () => void player?.close())
start.addEventListener('click', startPlaying)
element('fullscreen', HTMLButtonElement).addEventListener('click', () => {
  const stage = element('stage', HTMLElement)
  if (document.fullscreenElement) void document.exitFullscreen()
  else if (stage.requestFullscreen) void stage.requestFullscreen()
  // iPhones can only show the video itself in full screen.
  else /** @type {{ webkitEnterFullscreen?: () => void }} */ (/** @type {unknown} */ (video)).webkitEnterFullscreen?.()
})

startPlaying()
