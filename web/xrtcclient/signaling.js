// The XRTC routes as the two pages use them, and what they show of a connection.

import { askForToken, element, query, showState } from '../page.js'

// Of the table of `errNo`.
const UNAUTHORIZED = 1003
const FORBIDDEN = 1004

/**
 * Sends a form to a route and gives the reply's data; what the server refuses is an error with its words.
 * @param {'push' | 'pull' | 'sendanswer' | 'stoppush' | 'stoppull'} action
 * @param {Record<string, string>} fields
 * @returns {Promise<{ type: 'offer', sdp: string, iceServers?: RTCIceServer[] }>}
 */
export async function call(action, fields) {
  const token = query.get('token')
  const response = await fetch(new URL(`signaling/${action}`, document.baseURI), {
    method: 'POST',
    // The page may be closing: what it says last must still get out.
    keepalive: action.startsWith('stop'),
    body: new URLSearchParams({ ...fields, ...(token === null ? {} : { token }) }),
  })
  const { errNo, errMsg, data } = await response.json()
  const { uid = '', streamName = '', audio = '1', video = '1' } = fields
  askForToken(errNo === UNAUTHORIZED || errNo === FORBIDDEN, { uid, streamName, audio, video })
  if (errNo !== 0) throw new Error(`${errMsg} (errNo ${errNo})`)
  return data
}

/**
 * Answers the server's offer at once: the server needs no candidates of ours.
 * @param {RTCPeerConnection} connection has its remote description
 * @param {Record<string, string>} fields
 */
export async function sendAnswer(connection, fields) {
  const answer = await connection.createAnswer()
  await connection.setLocalDescription(answer)
  await call('sendanswer', { ...fields, answer: answer.sdp ?? '' })
}

/**
 * Tells when a connection works, and when it is over without having been closed here.
 * @param {RTCPeerConnection} connection
 * @param {{ connected: () => void, over: (why: string) => void }} told
 */
export function watch(connection, { connected, over }) {
  connection.addEventListener('connectionstatechange', () => {
    if (connection.connectionState === 'failed') over('The connection was lost.')
    if (connection.connectionState !== 'connected') return
    connected()
    // A farewell of the server closes DTLS long before ICE notices anything.
    for (const { receiver } of connection.getTransceivers()) {
      const { transport } = receiver
      transport?.addEventListener('statechange', () => {
        if (transport.state === 'closed') over('The server ended the session.')
      })
    }
  })
}

const form = element('controls', HTMLFormElement)
const start = element('start', HTMLButtonElement)
const stop = element('stop', HTMLButtonElement)

/** @param {string} id */
function input(id) {
  return element(id, HTMLInputElement)
}

// The page's address fills the form, as links to it do: uid, streamName, audio, video.
input('streamName').value = query.get('streamName') ?? input('streamName').value
input('uid').value = query.get('uid') ?? ownUid()
for (const id of ['audio', 'video']) input(id).checked = !['', '0'].includes(query.get(id) ?? '1')

// A reloaded tab is the same one, and no two are: the same uid takes its own push or pull over.
function ownUid() {
  const key = `uid of ${location.pathname}`
  const uid = sessionStorage.getItem(key) ?? String(crypto.getRandomValues(new BigUint64Array(1))[0] || 1)
  sessionStorage.setItem(key, uid)
  return uid
}

/** The form's fields as the routes want them. The number is a text all the way, for it may have 64 bits. */
export function fieldsOfForm() {
  return {
    uid: input('uid').value.trim(),
    streamName: input('streamName').value.trim(),
    audio: input('audio').checked ? '1' : '0',
    video: input('video').checked ? '1' : '0',
    isDtls: '1',
  }
}

/**
 * Shows whether something runs.
 * @param {'connecting' | 'live' | 'closed'} state
 * @param {string} [why]
 */
export function showRunning(state, why = '') {
  const running = state !== 'closed'
  showState(state)
  element('problem', HTMLElement).textContent = why
  start.hidden = running
  stop.hidden = !running
  for (const control of form.querySelectorAll('input, select')) control.toggleAttribute('disabled', running)
}

/**
 * Joins the buttons, the address's `start=1` and the page's end to what they do.
 * @param {() => Promise<void>} begin
 * @param {() => Promise<void>} end
 */
export function control(begin, end) {
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void begin()
  })
  stop.addEventListener('click', () => void end())
  addEventListener('pagehide', () => void end())
  if (query.get('start') === '1') void begin()
}
