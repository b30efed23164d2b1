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
