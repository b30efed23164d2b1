// The signaling's core: a request record in, a response record out. Nothing here knows a framework.

import type { MediaServer, RateLimitOptions, SignalingOptions, XrtcRoutesOptions } from '../../index.d.ts'
import type { Opened, SessionPeer } from '../kept-peer.ts'
import type { Admitted } from '../peer-table.ts'
import { parseStreamName } from '../stream-name.ts'
import type { ClientAddress } from './client-address.ts'
import { Cors } from './cors.ts'
import { SDP, acceptOffer, counterOffer, describeEndpoint, opened, readOffer, redirected } from './endpoint.ts'
import { Gate } from './gate.ts'
import { limitLifetime } from './lifetime.ts'
import { iceServerLinks } from './link.ts'
import type { HttpRequest, HttpResponse } from './message.ts'
import { emptyResponse, withHeaders } from './message.ts'
import { Pages, STREAMS_PATH, isRead, listStreams } from './pages.ts'
import { problem, problemOf, retryAfter } from './problem.ts'
import { RATE_LIMIT_DEFAULTS, RateLimiter } from './rate-limit.ts'
import { FRAGMENT, patchSession } from './resource.ts'
import type { Protocol, Route } from './route.ts'
import { route, sessionPath } from './route.ts'
import { SessionTable, streamOf } from './session.ts'
import type { ExtensionResource } from './whep/extensions.ts'
import { Extensions, describeExtension, extensionLinks, extensionMethods } from './whep/extensions.ts'
import { XrtcRoutes } from './xrtc/routes.ts'

/** The options of a signaling with every default set. */
export type SignalingSettings = Required<
  Omit<SignalingOptions, 'authorize' | 'cors' | 'processTag' | 'publicUrl' | 'rateLimit' | 'trustProxy' | 'xrtc'>
> &
  Pick<SignalingOptions, 'authorize' | 'cors' | 'processTag' | 'publicUrl'> & {
    readonly rateLimit: Required<RateLimitOptions> | false
    readonly trustProxy: ClientAddress
    readonly xrtc: XrtcRoutesOptions | false
  }

/** The defaults of `server.signaling`. */
export const SIGNALING_DEFAULTS = {
  basePath: '',
  whip: true,
  whep: true,
  pages: false,
  srsPaths: false,
  xrtc: false,
  maxBodyBytes: 131_072,
  requestTimeoutMs: 10_000,
  lenientIfMatch: false,
  counterOffers: false,
  whepExtensions: { events: false, layers: false },
  retryAfterSeconds: 2,
  rateLimit: RATE_LIMIT_DEFAULTS,
} as const satisfies SignalingOptions

/** The server, as its signaling sees it. */
export interface SignalingServer extends MediaServer {
  /** Lets a peer in: by its offer, or with one of the server's. The app sees it once it asks. */
  admit(opened: Opened, offer: string | undefined): Promise<Admitted<SessionPeer>>
}

/** What the signaling tells its server. */
export interface SignalingHooks {
  /** A session came or went. */
  readonly sessions: (change: 1 | -1) => void
  /** Something threw that is not a client's business. */
  readonly failed: (error: unknown, request: HttpRequest) => void
}

/** Serves requests by the rules of WHIP and WHEP. */
export class SignalingCore {
  readonly #server: SignalingServer
  readonly #settings: SignalingSettings
  readonly #hooks: SignalingHooks
  readonly #gate: Gate
  readonly #cors: Cors
  readonly #pages: Pages | undefined
  readonly #sessions: SessionTable
  readonly #extensions: Extensions
  readonly #xrtc: XrtcRoutes | undefined
  readonly #limiter: RateLimiter | undefined
  #state: 'open' | 'draining' | 'closed' = 'open'

  constructor(server: SignalingServer, settings: SignalingSettings, hooks: SignalingHooks) {
    this.#server = server
    this.#settings = settings
    this.#hooks = hooks
    this.#gate = new Gate(server, settings, hooks.failed)
    this.#cors = new Cors(settings.cors)
    const { pages, xrtc, rateLimit } = settings
    this.#pages = pages || xrtc !== false ? new Pages({ pages, xrtc: xrtc !== false }) : undefined
    this.#sessions = new SessionTable(hooks.sessions, settings.processTag)
    this.#extensions = new Extensions(server, settings.maxBodyBytes)
    this.#limiter = rateLimit === false ? undefined : new RateLimiter(rateLimit)
    this.#xrtc =
      xrtc === false
        ? undefined
        : new XrtcRoutes(server, settings, xrtc, { ...hooks, gate: this.#gate, limiter: this.#limiter })
  }

  get sessionCount(): number {
    return this.#sessions.size + (this.#xrtc?.sessionCount ?? 0)
  }

  /** How long a request's body may take. */
  get requestTimeoutMs(): number {
    return this.#settings.requestTimeoutMs
  }

  /** The response, or `undefined` for a path that is not the signaling's. Never rejects. */
  async handle(request: HttpRequest): Promise<HttpResponse | undefined> {
    let semantic = false
    try {
      const found = route(request, this.#settings)
      if (found === undefined) return undefined
      semantic = found.kind === 'endpoint' && found.protocol === 'whep'
      const response = await this.#serve(found, request)
      // What OPTIONS is told includes them.
      if (response === undefined || (request.method === 'OPTIONS' && response.status === 200)) return response
      return withHeaders(response, this.#cors.headers(request))
    } catch (error) {
      return withHeaders(this.#refuse(error, request, semantic), this.#cors.headers(request))
    }
  }

  /** The response for a path that is nobody's. */
  notFound({ path }: HttpRequest): HttpResponse {
    const { basePath, pages, whip, whep } = this.#settings
    const mounted = { push: pages, pull: pages, whip, whep }
    const [, head = ''] = /^\/(push|pull|whip|whep)\/?$/.exec(path.slice(basePath.length)) ?? []
    const isMounted = mounted[head as keyof typeof mounted] ?? false
    const detail = isMounted ? `the address names no stream: it is /${head}/NAME` : 'there is nothing here'
    return problem(404, { detail })
  }

  /** The response as who asks wants it: a browser gets a problem as a page, where there are pages. */
  presented(response: HttpResponse, request: HttpRequest): Promise<HttpResponse> | HttpResponse {
    if (this.#pages === undefined || !this.#settings.pages || response.status < 400 || !isRead(request)) return response
    return this.#pages.readable(response, request.mount + this.#settings.basePath)
  }

  /** Opens no session any more; resolves when the last one is over. */
  async drain(): Promise<void> {
    if (this.#state === 'open') this.#state = 'draining'
    await Promise.all([this.#sessions.whenEmpty(), this.#xrtc?.drain()])
  }

  /** Ends all sessions and serves nothing more. */
  async close(): Promise<void> {
    this.#state = 'closed'
    const closing = this.#sessions.all().map(({ peer }) => peer.close('the signaling was closed'))
    await Promise.all([...closing, this.#xrtc?.close()])
  }

  #serve(found: Route, request: HttpRequest): Promise<HttpResponse | undefined> | HttpResponse | undefined {
    if (found.kind === 'page') return this.#page(found.path, request)
    if (found.kind === 'xrtc') return this.#xrtc?.serve(found.action, request, this.#cors.preflightHeaders(request))
    if (isPreflight(request)) return emptyResponse(200, [...describe(found), ...this.#cors.preflightHeaders(request)])
    if (this.#state === 'closed') return this.#unavailable('the signaling is closed')
    if (!FREE_METHODS.has(request.method)) {
      const seconds = this.#limiter?.take(request)
      if (seconds !== undefined) return tooManyRequests(seconds)
    }
    if (request.method === 'OPTIONS') return this.#options(found, request)
    if (found.kind === 'extension') return this.#extension(found.id, found.resource, request)
    if (found.kind === 'session') return this.#session(found.protocol, found.id, request)
    return this.#endpoint(found.protocol, found.stream, request)
  }

  // An OPTIONS request that is no preflight may be told the ICE servers (RFC 9725 §4.6; MediaMTX's players ask so). It
  // needs no authorization either, but without one it learns less.
  async #options(found: Resource, request: HttpRequest): Promise<HttpResponse> {
    const headers = [...describe(found), ...this.#cors.preflightHeaders(request)]
    if (found.kind !== 'endpoint') return emptyResponse(200, headers)
    const context = { action: actionOf(found.protocol), stream: found.stream }
    const passage = await this.#gate.pass(request, context)
    return emptyResponse(200, 'refusal' in passage ? headers : [...headers, ...iceServerLinks(passage.iceServers)])
  }

  async #endpoint(protocol: Protocol, stream: string, request: HttpRequest): Promise<HttpResponse> {
    const { method } = request
    if (method === 'GET' || method === 'HEAD') return describeEndpoint(method, protocol)
    if (method !== 'POST') return notAllowed(method, ENDPOINT_METHODS)
    if (this.#state === 'draining') return this.#unavailable('the server is about to end: no session is opened')
    const { basePath, counterOffers, maxBodyBytes, requestTimeoutMs } = this.#settings
    const passage = await this.#gate.pass(request, { action: actionOf(protocol), stream })
    if ('refusal' in passage) return passage.refusal
    if (passage.redirect !== undefined) return redirected(passage.redirect)
    const body = await readOffer(request, protocol, maxBodyBytes)
    if ('refusal' in body) return body.refusal
    const action = actionOf(protocol)
    // Of publishers, who is who; a page makes one up for itself where the app says nothing.
    const identity = action === 'push' ? (passage.identity ?? uidOf(request)) : undefined
    const opening: Opened = { action, streamName: stream, identity }
    const accepted = acceptOffer(this.#server, opening, { offer: body.offer, timeoutMs: requestTimeoutMs })
    const admitted = await (counterOffers && action === 'pull'
      ? accepted.catch((error: unknown) => counterOffer(error, this.#server, opening, requestTimeoutMs))
      : accepted)
    const { peer } = admitted
    limitLifetime(peer, passage.expiresInMs)
    const session = this.#sessions.open({ protocol, peer, urlToken: request.query.get('token') ?? undefined })
    const path = sessionPath(request, basePath, protocol, session.id)
    const extensions = protocol === 'whep' ? extensionLinks(path, this.#settings.whepExtensions) : []
    return opened(admitted, path, [...iceServerLinks(passage.iceServers), ...extensions])
  }

  async #session(protocol: Protocol, id: string, request: HttpRequest): Promise<HttpResponse> {
    const session = this.#sessions.find(protocol, id)
    const known = session ?? this.#sessions.findEnded(protocol, id)
    if (known === undefined)
      return problem(404, { detail: this.#sessions.isForeign(id) ? FOREIGN : 'there is no such session' })
    const { method } = request
    if (method === 'GET' || method === 'HEAD') return emptyResponse(session === undefined ? 404 : 204)
    if (method !== 'PATCH' && method !== 'DELETE') return notAllowed(method, SESSION_METHODS)
    const asking = withToken(request, known.urlToken)
    const passage = await this.#gate.pass(asking, { action: actionOf(protocol), stream: streamOf(known) })
    if ('refusal' in passage) return passage.refusal
    if (method === 'DELETE') {
      // RFC 9725 §4.2 shows 200, and OBS takes nothing else for a success. Entity tags are ignored here.
      this.#sessions.forget(id)
      if (session !== undefined) await session.peer.close('deleted by the client')
      return emptyResponse(200)
    }
    if (session === undefined) return problem(404, { detail: 'the session is over' })
    limitLifetime(session.peer, passage.expiresInMs)
    return await patchSession(session, request, this.#settings)
  }

  async #extension(id: string, resource: ExtensionResource, request: HttpRequest): Promise<HttpResponse> {
    const session = this.#sessions.find('whep', id)
    if (session === undefined)
      return problem(404, { detail: this.#sessions.isForeign(id) ? FOREIGN : 'there is no such session' })
    const { method } = request
    const methods = extensionMethods(resource)
    if (!methods.split(', ').includes(method)) return notAllowed(method, methods)
    // A page's EventSource sends no authorization: the URL, which nobody can guess, stands for it.
    if (!FREE_METHODS.has(method)) {
      const asking = withToken(request, session.urlToken)
      const context = { action: 'pull', stream: streamOf(session) } as const
      const passage = await this.#gate.pass(asking, context)
      if ('refusal' in passage) return passage.refusal
      limitLifetime(session.peer, passage.expiresInMs)
    }
    const path = sessionPath(request, this.#settings.basePath, 'whep', id)
    return await this.#extensions.serve(session, resource, request, path)
  }

  async #page(path: string, request: HttpRequest): Promise<HttpResponse | undefined> {
    if (this.#pages === undefined) return undefined
    if (path !== STREAMS_PATH || !this.#settings.pages)
      return await this.#pages.serve(path, request, request.mount + this.#settings.basePath)
    if (request.method === 'OPTIONS') return emptyResponse(200, this.#cors.preflightHeaders(request))
    if (request.method !== 'GET' && request.method !== 'HEAD') return notAllowed(request.method, 'GET, HEAD, OPTIONS')
    // Who may watch a stream may know whether it is there.
    const name = streamNameOf(request)
    const passage = await this.#gate.pass(
      request,
      name === undefined ? { action: 'list', stream: undefined } : { action: 'pull', stream: name },
    )
    if ('refusal' in passage) return passage.refusal
    // Elsewhere: the endpoint says where.
    if (passage.redirect !== undefined) return emptyResponse(204)
    return listStreams(this.#server, name)
  }

  #refuse(error: unknown, request: HttpRequest, semantic: boolean): HttpResponse {
    const { retryAfterSeconds } = this.#settings
    const response = problemOf(error, { semantic, retryAfterSeconds })
    if (response !== undefined) return response
    this.#hooks.failed(error, request)
    return problem(500, { detail: 'the server failed; its log says why' })
  }

  #unavailable(detail: string): HttpResponse {
    return problem(503, { detail, code: 'XRTC_CLOSED' }, retryAfter(this.#settings.retryAfterSeconds))
  }
}

const FOREIGN = 'the session is of another process, or of this one before its restart: route requests to who opened it'
const ENDPOINT_METHODS = 'OPTIONS, GET, HEAD, POST'
const SESSION_METHODS = 'OPTIONS, GET, HEAD, PATCH, DELETE'
// They cost no more than their answer.
const FREE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD'])

type Resource = Exclude<Route, { readonly kind: 'page' | 'xrtc' }>

// Fetch standard, §3.2.2: browsers send it without authorization, and it must make no credentials (RFC 9725 §4.6).
function isPreflight({ method, headers }: HttpRequest): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
}

// The list may be asked for one stream alone.
function streamNameOf(request: HttpRequest): string | undefined {
  const name = request.query.get('name')
  return name === null ? undefined : parseStreamName(name)
}

/** What OPTIONS says of a resource (RFC 9725 §4.2). */
function describe(resource: Resource): HttpResponse['headers'] {
  if (resource.kind === 'extension') return describeExtension(resource.resource)
  return resource.kind === 'endpoint'
    ? [
        ['Allow', ENDPOINT_METHODS],
        ['Accept-Post', SDP],
      ]
    : [
        ['Allow', SESSION_METHODS],
        ['Accept-Patch', FRAGMENT],
      ]
}

function notAllowed(method: string, allowed: string): HttpResponse {
  return problem(405, { detail: `${method} has no meaning here` }, [['Allow', allowed]])
}

// RFC 6585 §4.
function tooManyRequests(seconds: number): HttpResponse {
  return problem(429, { detail: 'too many requests from this address or with this token' }, retryAfter(seconds))
}

function withToken(request: HttpRequest, urlToken: string | undefined): HttpRequest {
  return request.token !== undefined || urlToken === undefined ? request : { ...request, token: urlToken }
}

function actionOf(protocol: Protocol): 'push' | 'pull' {
  return protocol === 'whip' ? 'push' : 'pull'
}

// A page that reloads is the same publisher: it sends the same text, made up once per tab.
function uidOf(request: HttpRequest): string | undefined {
  const uid = request.query.get('uid')
  return uid === null || uid === '' ? undefined : `uid:${uid}`
}
