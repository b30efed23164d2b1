// What the pages share: the stream's name in the address, addresses of endpoints, the state badge and the live figures.

/** @typedef {import('xrtc/client').Session} Session */
/** @typedef {import('xrtc/client').Figures} Figures */
/** @typedef {import('xrtc/client').TrackFigures} TrackFigures */

/** The parameters behind the page's address. */
export const query = new URLSearchParams(location.search)

/**
 * The stream that the address names: everything after `push/` or `pull/`.
 * @param {'push' | 'pull'} page
 */
export function streamOfAddress(page) {
  const base = new URL(document.baseURI).pathname
  return decodeURIComponent(location.pathname.slice(`${base}${page}/`.length))
}

/**
 * An address below the mount path; each segment of the stream's name is encoded, its slashes stay.
 * @param {string} route
 * @param {string} stream
 */
export function addressOf(route, stream) {
  const path = stream.split('/').map(encodeURIComponent).join('/')
  return new URL(`${route}/${path}`, document.baseURI)
}

/**
 * The address of one of our own pages; a token in this page's address goes along.
 * @param {string} page
 * @param {string} [stream]
 */
export function pageAddress(page, stream) {
  const address = stream === undefined ? new URL(page, document.baseURI) : addressOf(page, stream)
  const token = query.get('token')
  if (token !== null) address.searchParams.set('token', token)
  return address
}

for (const link of document.querySelectorAll('a[href="./"]')) {
  if (link instanceof HTMLAnchorElement) link.href = pageAddress('./').href
}

/**
 * Says of a link to watch that this page's token is in it: who gets the link may do what the token allows.
 * @param {HTMLAnchorElement} link
 */
export function markToken(link) {
  if (!query.has('token')) return
  link.textContent = 'Watch it (with your token)'
  link.title = 'Your token is in this link: whoever gets it may do what you may.'
}

/**
 * Shows a field for a token below the problem, or takes it away; a token that is entered reloads the page with it.
 * @param {boolean} wanted
 * @param {Record<string, string>} [fields] what else the reloaded page's address shall have
 */
export function askForToken(wanted, fields = {}) {
  const shown = document.getElementById('token')
  if (!wanted) return shown?.remove()
  if (shown) return
  const problem = element('problem', HTMLElement)
  const form = document.createElement('form')
  form.id = 'token'
  form.className = problem.closest('.card') ? 'row' : 'card row'
  const label = document.createElement('label')
  const field = document.createElement('input')
  Object.assign(field, { name: 'token', required: true, autocomplete: 'off', spellcheck: false })
  label.append('Open this page with ?token=… in its address, or enter the token here: ', field)
  const button = document.createElement('button')
  button.textContent = 'Use it'
  form.append(label, button)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    for (const [name, value] of Object.entries({ ...fields, token: field.value.trim() })) query.set(name, value)
    location.search = String(query)
  })
  problem.after(form)
}

/**
 * What a server or a browser says of a problem, as a sentence: their texts begin small and end without a stop.
 * @param {string | undefined} text
 */
export function sentence(text = '') {
  if (text === '') return ''
  const [first = ''] = text
  return `${first.toUpperCase()}${text.slice(first.length)}${/[.!?…]$/.test(text) ? '' : '.'}`
}

/** The token of `?token=`, as an option of a session. */
export function tokenOption() {
  const token = query.get('token')
  return token === null ? {} : { token }
}

/**
 * An element of the page.
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} type
 */
export function element(id, type) {
  const found = document.getElementById(id)
  if (found instanceof type) return found
  throw new Error(`the page has no ${type.name} with the id ${id}`)
}

/** @type {Record<string, string>} */
const STATE_NAMES = {
  connecting: 'connecting',
  waiting: 'waiting',
  live: 'live',
  reconnecting: 'reconnecting',
  closed: 'stopped',
}

/**
 * Shows a session's state in the badge.
 * @param {string} state
 */
export function showState(state) {
  const badge = element('state', HTMLElement)
  // Screen readers say it again with each writing.
  if (badge.dataset['state'] === state) return
  badge.textContent = STATE_NAMES[state] ?? state
  badge.dataset['state'] = state
}

/**
 * Reads and shows the figures once a second until the session is closed.
 * @param {Session} session
 * @param {(figures: Figures) => void} [seen] is told each reading
 */
export async function showFigures(session, seen) {
  const list = element('figures', HTMLElement)
  while (session.state !== 'closed') {
    const figures = await session.figures()
    list.replaceChildren(...rows(figures))
    seen?.(figures)
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
  list.replaceChildren()
}

/** @param {Figures} figures */
function rows({ video, audio, rttMs }) {
  return [
    row('Video', video?.codec),
    row('Picture', video?.width && video.height ? `${video.width} × ${video.height}` : undefined),
    row('Frames', video?.framesPerSecond === undefined ? undefined : `${Math.round(video.framesPerSecond)} / s`),
    row('Video rate', bitrate(video)),
    row('Video loss', percent(video)),
    row('Audio', audio?.codec),
    row('Audio rate', bitrate(audio)),
    row('Audio loss', percent(audio)),
    row('Round trip', rttMs === undefined ? undefined : `${Math.round(rttMs)} ms`),
  ].flat()
}

/**
 * @param {string} name
 * @param {string | undefined} value
 */
function row(name, value) {
  if (value === undefined) return []
  const pair = document.createElement('div')
  const term = document.createElement('dt')
  const description = document.createElement('dd')
  term.textContent = name
  description.textContent = value
  pair.append(term, description)
  return [pair]
}

/** @param {TrackFigures | undefined} track */
function bitrate(track) {
  if (track?.bitrateBps === undefined) return undefined
  return track.bitrateBps >= 1e6
    ? `${(track.bitrateBps / 1e6).toFixed(2)} Mbit/s`
    : `${Math.round(track.bitrateBps / 1e3)} kbit/s`
}

/** @param {TrackFigures | undefined} track */
function percent(track) {
  return track?.lossRatio === undefined ? undefined : `${(track.lossRatio * 100).toFixed(1)} %`
}
