// The push page: opens a camera or a screen and publishes it by WHIP.
// Parameters: source=camera|screen, size=360|720|1080, codec, simulcast=1, audio=0, video=0, start=1, token.

import { captureCamera, captureScreen, listDevices, publish } from 'xrtc/client'
import {
  addressOf,
  askForToken,
  element,
  markToken,
  pageAddress,
  query,
  sentence,
  showFigures,
  showState,
  streamOfAddress,
  tokenOption,
} from './page.js'

/** @typedef {import('xrtc/client').Publisher} Publisher */

const stream = streamOfAddress('push')
const source = element('source', HTMLSelectElement)
const camera = element('camera', HTMLSelectElement)
const microphone = element('microphone', HTMLSelectElement)
const size = element('size', HTMLSelectElement)
const codec = element('codec', HTMLSelectElement)
const simulcast = element('simulcast', HTMLInputElement)
const preview = element('preview', HTMLVideoElement)
const start = element('start', HTMLButtonElement)
const stop = element('stop', HTMLButtonElement)
const message = element('message', HTMLElement)
const problem = element('problem', HTMLElement)

/** @type {Publisher | undefined} */
let publisher
/** @type {MediaStream | undefined} */
let media

document.title = `Publish ${stream} · xrtc`
element('stream', HTMLElement).textContent = stream
const watchLink = element('watch', HTMLAnchorElement)
watchLink.href = pageAddress('pull', stream).href
markToken(watchLink)
source.value = query.get('source') === 'screen' ? 'screen' : 'camera'
size.value = query.get('size') ?? '720'
codec.value = query.get('codec') ?? ''
simulcast.checked = query.get('simulcast') === '1'

async function startPublishing() {
  start.disabled = true
  problem.textContent = ''
  message.textContent = source.value === 'screen' ? 'Choose what to share…' : 'Opening the camera…'
  try {
    const captured = await openSource()
    media = captured
    preview.srcObject = captured
    message.textContent = ''
    const started = publish({
      endpoint: ownEndpoint(),
      media: captured,
      simulcast: simulcast.checked,
      ...(codec.value === '' ? {} : { codec: /** @type {'VP8'} */ (codec.value) }),
      ...tokenOption(),
    })
    publisher = started
    Object.assign(globalThis, { session: started })
    started.addEventListener('statechange', showSession)
    started.addEventListener('trackended', () => {
      problem.textContent = 'A device was unplugged or switched off; the rest goes on.'
    })
    showSession()
    void showFigures(started)
    void fillDevices()
  } catch (error) {
    fail(error)
  }
}

// A reloaded tab is the same publisher: the server lets it take its stream over at once. Nobody else knows the text.
function ownEndpoint() {
  const endpoint = addressOf('whip', stream)
  const uid = sessionStorage.getItem('uid') ?? crypto.getRandomValues(new Uint32Array(4)).join('-')
  sessionStorage.setItem('uid', uid)
  endpoint.searchParams.set('uid', uid)
  return endpoint
}

function openSource() {
  const wanted = { audio: query.get('audio') !== '0', video: query.get('video') !== '0' }
  if (source.value === 'screen') return captureScreen({ audio: wanted.audio })
  return captureCamera({
    video: wanted.video && (camera.value || true),
    audio: wanted.audio && (microphone.value || true),
    height: Number(size.value),
  })
}

function showSession() {
  if (!publisher) return
  const { state, problem: reason } = publisher
  showState(state)
  problem.textContent = sentence(reason?.message)
  askForToken(reason?.code === 'unauthorized' || reason?.code === 'forbidden')
  const running = state !== 'closed'
  start.hidden = running
  stop.hidden = !running
  for (const control of [source, size, codec, simulcast]) control.disabled = running
  if (!running) release()
}

function release() {
  for (const track of media?.getTracks() ?? []) track.stop()
  preview.srcObject = null
  start.disabled = false
  message.textContent = 'Press start to publish.'
}

/** @param {unknown} error */
function fail(error) {
  release()
  problem.textContent = sentence(error instanceof Error ? error.message : String(error))
}

// Changing a device while it runs puts the new one into the running session.
/** @param {'audio' | 'video'} kind @param {HTMLSelectElement} select */
async function changeDevice(kind, select) {
  if (!publisher || publisher.state === 'closed' || source.value === 'screen' || !media) return
  try {
    const fresh = await captureCamera({
      audio: kind === 'audio' && select.value,
      video: kind === 'video' && select.value,
      height: Number(size.value),
    })
    const [track] = fresh.getTracks()
    if (!track) return
    await publisher.replaceTrack(track)
    for (const old of media.getTracks().filter((one) => one.kind === kind)) {
      media.removeTrack(old)
      old.stop()
    }
    media.addTrack(track)
    problem.textContent = ''
  } catch (error) {
    problem.textContent = error instanceof Error ? error.message : String(error)
  }
}

async function fillDevices() {
  try {
    const { cameras, microphones } = await listDevices()
    fill(camera, cameras, 'Camera')
    fill(microphone, microphones, 'Microphone')
  } catch (error) {
    problem.textContent = error instanceof Error ? error.message : String(error)
  }
}

/** @param {HTMLSelectElement} select @param {readonly MediaDeviceInfo[]} devices @param {string} name */
function fill(select, devices, name) {
  const chosen = select.value
  const options = devices
    .filter((device) => device.deviceId !== '')
    .map((device, index) => new Option(device.label || `${name} ${index + 1}`, device.deviceId))
  select.replaceChildren(...(options.length > 0 ? options : [new Option('Default', '')]))
  if (options.some((option) => option.value === chosen)) select.value = chosen
}

element('controls', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault()
  void startPublishing()
})
stop.addEventListener('click', () => void publisher?.close())
camera.addEventListener('change', () => void changeDevice('video', camera))
microphone.addEventListener('change', () => void changeDevice('audio', microphone))
navigator.mediaDevices?.addEventListener('devicechange', () => void fillDevices())

// Not waited for: Firefox tells its devices only to a page that has the focus.
void fillDevices()
if (query.get('start') === '1') await startPublishing()
