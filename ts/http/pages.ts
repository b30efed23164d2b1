// The pages and the browser library, as static files, and the list of live streams as JSON.
//
// `/` is web/index.html, `/push/:stream` web/push.html, `/pull/:stream` web/pull.html, `/xrtcclient/push` and
// `/xrtcclient/pull` are below web/xrtcclient/, `/assets/*` is the other files of web/, and `/client/*` the browser
// library (dist/client); web/problem.html is what a browser sees of a problem document. The `<base href="/" />` of each
// HTML file is changed to the prefix that the signaling is mounted on, so that pages write `client/index.js` and
// `whip/lobby` and work anywhere.

import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { extname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { MediaServer, Stream } from '../../index.d.ts'
import { decodeStreamName } from '../stream-name.ts'
import type { HttpRequest, HttpResponse } from './message.ts'
import { emptyResponse } from './message.ts'
import { PROBLEM, problem } from './problem.ts'

/** Where the list of live streams is. */
export const STREAMS_PATH = '/api/streams'

const WEB = fileURLToPath(new URL('../../web/', import.meta.url))
const CLIENT = fileURLToPath(new URL('../client/', import.meta.url))

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}

/** Which pages there are: the server's own, and those of the XRTC routes. */
export interface WantedPages {
  readonly pages: boolean
  readonly xrtc: boolean
}

/** The static files by URL path. Only what was found in the two folders is ever opened. */
export class Pages {
  readonly #wanted: WantedPages
  readonly #files: ReadonlyMap<string, string>

  constructor(wanted: WantedPages) {
    this.#wanted = wanted
    const files = new Map<string, string>()
    for (const path of filesBelow(WEB)) files.set(path.endsWith('.html') ? path : `/assets/${path}`, join(WEB, path))
    for (const path of filesBelow(CLIENT)) files.set(`/client/${path}`, join(CLIENT, path))
    this.#files = files
  }

  /**
   * The response of GET and HEAD; `undefined`: there is no such page.
   *
   * @throws {InvalidArgumentError} The page's stream name breaks the rules.
   */
  async serve(path: string, request: HttpRequest, base: string): Promise<HttpResponse | undefined> {
    const page = pageOf(path, this.#wanted)
    const file = page === undefined ? undefined : this.#files.get(page)
    if (file === undefined) return undefined
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return problem(405, { detail: `${request.method} is not for pages` }, [['Allow', 'GET, HEAD']])
    }
    const body = await readFile(file)
    const type = TYPES[extname(file)] ?? 'application/octet-stream'
    // By content: npm gives every file of every version the same time.
    const tag = `"${createHash('sha256').update(body).digest('base64url')}"`
    const headers: HttpResponse['headers'] = [
      ['Content-Type', type],
      ['Cache-Control', 'no-cache'],
      ['ETag', tag],
      ['X-Content-Type-Options', 'nosniff'],
      // The page's address may hold a token.
      ['Referrer-Policy', 'no-referrer'],
    ]
    if (request.headers['if-none-match'] === tag) return emptyResponse(304, headers)
    return { status: 200, headers, body: type.startsWith('text/html') ? withBase(body.toString('utf8'), base) : body }
  }

  /** The same problem as a page, for people; what is no problem document stays as it is. */
  async readable(response: HttpResponse, base: string): Promise<HttpResponse> {
    const file = this.#files.get('problem.html')
    const isProblem = response.headers.some(([, value]) => value === PROBLEM)
    if (file === undefined || !isProblem || typeof response.body !== 'string') return response
    const { title, detail } = JSON.parse(response.body) as { readonly title: string; readonly detail: string }
    const html = withBase(await readFile(file, 'utf8'), base)
    const headers = response.headers.map(
      ([name, value]) => [name, value === PROBLEM ? 'text/html; charset=utf-8' : value] as const,
    )
    return {
      ...response,
      headers: [...headers, ['X-Content-Type-Options', 'nosniff'], ['Referrer-Policy', 'no-referrer']],
      body: html
        .replace('<!--title-->', () => escaped(title))
        .replace('<!--detail-->', () => escaped(sentence(detail))),
    }
  }
}

/** Whether somebody reads the answer in a browser: programs ask for anything, or for JSON. */
export function isRead({ method, headers }: HttpRequest): boolean {
  return (method === 'GET' || method === 'HEAD') && /\btext\/html\b/i.test(headers['accept'] ?? '')
}

/** The streams, or the one of that name, for the pages. */
export function listStreams(server: MediaServer, name: string | undefined): HttpResponse {
  const streams = name === undefined ? server.streams() : [server.stream(name)].filter((one) => one !== undefined)
  return {
    status: 200,
    headers: [
      ['Content-Type', 'application/json'],
      ['Cache-Control', 'no-store'],
    ],
    body: JSON.stringify({ streams: streams.map(describe) }),
  }
}

function describe(stream: Stream): object {
  return {
    name: stream.name,
    state: stream.state,
    createdAt: stream.createdAt.toISOString(),
    live: stream.live,
    viewers: stream.viewerCount,
    codecs: stream.tracks.map((track) => track.codec),
    tracks: stream.tracks,
  }
}

// The name is read only to refuse what the page could not show.
function pageOf(path: string, { pages, xrtc }: WantedPages): string | undefined {
  if (path === '/xrtcclient/push' || path === '/xrtcclient/pull') return xrtc ? `${path.slice(1)}.html` : undefined
  if (path === '/') return pages ? 'index.html' : undefined
  const [, page, stream = ''] = /^\/(push|pull)\/(.+)$/s.exec(path) ?? []
  if (page === undefined) return path
  if (!pages) return undefined
  decodeStreamName(stream)
  return `${page}.html`
}

function withBase(html: string, base: string): string {
  return html.replace('<base href="/" />', () => `<base href="${escaped(base)}/" />`)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
}

function sentence(detail: string): string {
  return `${detail.charAt(0).toUpperCase()}${detail.slice(1)}.`
}

function filesBelow(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && extname(entry.name) in TYPES)
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length).split(sep).join('/'))
  } catch {
    return []
  }
}
