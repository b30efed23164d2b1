// Which resource a path names. What is not here is somebody else's: the next middleware's, or 404.

import type { WhepExtensions } from '../../index.d.ts'
import { decodeStreamName, parseStreamName } from '../stream-name.ts'
import type { HttpRequest } from './message.ts'
import type { ExtensionResource } from './whep/extensions.ts'
import { extensionResource } from './whep/extensions.ts'
import type { XrtcAction } from './xrtc/routes.ts'
import { xrtcAction } from './xrtc/routes.ts'

/** The two protocols. */
export type Protocol = 'whip' | 'whep'

/** A resource of the signaling. */
export type Route =
  | { readonly kind: 'endpoint'; readonly protocol: Protocol; readonly stream: string }
  | { readonly kind: 'session'; readonly protocol: Protocol; readonly id: string }
  | { readonly kind: 'extension'; readonly id: string; readonly resource: ExtensionResource }
  | { readonly kind: 'xrtc'; readonly action: XrtcAction }
  | { readonly kind: 'page'; readonly path: string }

/** Which resources there are. */
export interface Mounted {
  /** The prefix of every path. */
  readonly basePath: string
  readonly whip: boolean
  readonly whep: boolean
  /** What there is below a viewer's session. */
  readonly whepExtensions: WhepExtensions
  readonly pages: boolean
  /** `/signaling/*` and `/xrtcclient/*`, unless it is `false`. */
  readonly xrtc: object | false
  /** The endpoints `/rtc/v1/whip/?app=…&stream=…` and `/rtc/v1/whep/`, for clients that were made for SRS. */
  readonly srsPaths: boolean
}

/**
 * Finds the resource of a request's path.
 *
 * @throws {InvalidArgumentError} The path is an endpoint's but its stream name breaks the rules.
 */
export function route(request: HttpRequest, mounted: Mounted): Route | undefined {
  const { basePath, srsPaths } = mounted
  if (!request.path.startsWith(`${basePath}/`)) return undefined
  const path = request.path.slice(basePath.length)
  const at = path.indexOf('/', 1)
  const [head, tail] = at === -1 ? [path.slice(1), ''] : [path.slice(1, at), path.slice(at + 1)]
  const action = head === 'signaling' ? xrtcAction(tail) : undefined
  if (action !== undefined) return mounted.xrtc === false ? undefined : { kind: 'xrtc', action }
  if (head === 'rtc' && srsPaths) return srsRoute(tail, request.query, mounted)
  const isSession = head.endsWith(SESSION)
  const protocol = isSession ? head.slice(0, -SESSION.length) : head
  if (!isProtocol(protocol)) return { kind: 'page', path }
  if (tail === '' || !mounted[protocol]) return undefined
  if (isSession) return sessionRoute(protocol, tail, mounted)
  return { kind: 'endpoint', protocol, stream: decodeStreamName(tail) }
}

// What the heads of sessions' paths end with.
const SESSION = '-session'

/** The same as patterns of a router: `*` stands for the rest of a path. */
export function routePatterns({ basePath, whip, whep, pages, xrtc, srsPaths }: Mounted): readonly string[] {
  const protocols = [...(whip ? ['whip'] : []), ...(whep ? ['whep'] : [])]
  const patterns = protocols.flatMap((protocol) => [`/${protocol}/*`, `/${protocol}-session/*`])
  if (srsPaths) patterns.push(...protocols.flatMap((protocol) => [`/rtc/v1/${protocol}`, `/rtc/v1/${protocol}/`]))
  if (xrtc !== false) patterns.push('/signaling/*', '/xrtcclient/*')
  if (pages) patterns.push('/', '/push/*', '/pull/*', '/api/streams')
  if (pages || xrtc !== false) patterns.push('/assets/*', '/client/*')
  return patterns.map((pattern) => basePath + pattern)
}

function sessionRoute(protocol: Protocol, tail: string, { whepExtensions }: Mounted): Route {
  const at = tail.indexOf('/')
  if (at === -1 || protocol !== 'whep') return { kind: 'session', protocol, id: tail }
  const resource = extensionResource(tail.slice(at + 1), whepExtensions)
  return resource === undefined
    ? { kind: 'session', protocol, id: tail }
    : { kind: 'extension', id: tail.slice(0, at), resource }
}

// SRS names a stream by application and name, in the query; here they are the segments of one name.
function srsRoute(tail: string, query: URLSearchParams, mounted: Mounted): Route | undefined {
  const [, protocol] = /^v1\/(whip|whep)\/?$/.exec(tail) ?? []
  if (!isProtocol(protocol) || !mounted[protocol]) return undefined
  const name = `${query.get('app') ?? 'live'}/${query.get('stream') ?? ''}`
  return { kind: 'endpoint', protocol, stream: parseStreamName(name) }
}

function isProtocol(text: string | undefined): text is Protocol {
  return text === 'whip' || text === 'whep'
}

/** The path of a session's resource: absolute and without a query, as OBS needs it. */
export function sessionPath(request: HttpRequest, basePath: string, protocol: Protocol, id: string): string {
  return `${request.mount}${basePath}/${protocol}-session/${id}`
}
