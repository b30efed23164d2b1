// The media server: its peers and streams by what the workers tell.

import type { Server as NetServer } from 'node:net'
import type {
  DtlsCertificate,
  Held,
  IceMode,
  IceServer,
  IceServersOptions,
  Logger,
  MediaServer,
  MediaServerEvents,
  Peer,
  PullFromOptions,
  PullOptions,
  PullPeer,
  PushOptions,
  PushPeer,
  PushToOptions,
  RemoteStream,
  ServerOptions,
  ServerStats,
  Signaling,
  SignalingOptions,
  Stream,
  TrackInfo,
  TurnCertificate,
  TurnInfo,
  Webhooks,
  WebhooksOptions,
  TcpInfo,
  WorkerInfo,
} from '../index.d.ts'
import { resolveAddresses } from './announce.ts'
import { Emitter } from './emitter.ts'
import type { Gather, GatherOptions, Gathering } from './gathering.ts'
import { gatherOf, gatherTimeoutOf } from './gathering.ts'
import { errorOf } from './errors.ts'
import { HttpSignaling } from './http/http-signaling.ts'
import { signalingSettings } from './http/settings.ts'
import { IsolatedLogger } from './logger.ts'
import type { StreamEvent, WorkerEvent } from './native.ts'
import { NativeServer } from './native.ts'
import type { Opened, SessionPeer } from './kept-peer.ts'
import { flag, iceMode, invalid, known, mediaKinds, text } from './options.ts'
import type { PeerBase } from './peer.ts'
import type { Admitted } from './peer-table.ts'
import { PeerTable } from './peer-table.ts'
import { pemCertificate } from './pem.ts'
import { Viewer } from './pull-peer.ts'
import { Publisher } from './push-peer.ts'
import type { RemoteHome } from './remote/remote-stream.ts'
import { RemoteConnection } from './remote/remote-stream.ts'
import { remoteSettings } from './remote/settings.ts'
import { serverSettings } from './settings.ts'
import { sharePort } from './shared-port.ts'
import { LiveStream } from './stream.ts'
import { parseStreamName } from './stream-name.ts'
import type { TurnTerms } from './turn.ts'
import { announcedHost, mintIceServers, turnSettings, turnUrls } from './turn.ts'
import { ServerWebhooks } from './webhooks/webhooks.ts'

/** Starts a media server. */
export async function createServer(options: ServerOptions = {}): Promise<MediaServer> {
  const settings = serverSettings(options)
  const { announce, iceServers, iceTransportPolicy, logger } = options
  if (announce !== undefined) {
    if (!Array.isArray(announce)) throw invalid('announce is an array of ADDRESS[:PORT]')
    settings.announce = await resolveAddresses(announce.map((entry) => text('an address to announce', entry)))
  }
  const gatherDefaults: GatherOptions = {
    ...(iceServers === undefined ? {} : { iceServers }),
    ...(iceTransportPolicy === undefined ? {} : { iceTransportPolicy }),
  }
  const gathered = await gatherOf(gatherDefaults)()
  // Said at the start, when somebody looks; peers get by without one later.
  if (gathered.unresolved?.[0] !== undefined) throw gathered.unresolved[0].error
  const turn = options.turn === undefined ? undefined : turnSettings(options.turn)
  if (turn !== undefined) settings.turn = turn.settings
  const ice = iceMode(options.ice) ?? 'lite'
  const sharing = options.tcp === undefined || options.tcp === false ? undefined : options.tcp.server
  const told = turn && { ...turn.terms, host: turn.terms.host ?? announce?.slice(0, 1).map(announcedHost)[0] }
  const { connectTimeoutMs } = options
  const patience = connectTimeoutMs === undefined ? {} : { gatherTimeoutMs: connectTimeoutMs }
  const gather = { options: { ...gatherDefaults, ...patience }, gathering: { ...gathered, ...patience } }
  return new Server((events) => new NativeServer(settings, events), { logger, ice, gather, sharing, turn: told })
}

type StartNative = (events: ConstructorParameters<typeof NativeServer>[1]) => NativeServer

interface ServerParts {
  readonly logger: Logger | undefined
  readonly ice: IceMode
  /** Whom its peers with full ICE ask for addresses, unless they say otherwise; and the same, resolved. */
  readonly gather: { readonly options: GatherOptions; readonly gathering: Gathering }
  /** The server whose port is also that of media. */
  readonly sharing: NetServer | undefined
  readonly turn: TurnTerms | undefined
}

// Node.js keeps running while there is a timer; the longest there is costs nothing.
const LONGEST_TIMER_MS = 2 ** 31 - 1

class Server extends Emitter<MediaServerEvents> implements MediaServer {
  readonly workers: readonly WorkerInfo[]
  readonly tcp: TcpInfo
  readonly turn: TurnInfo | undefined
  readonly #turnTerms: TurnTerms | undefined
  readonly #native: NativeServer
  #unshare = (): void => undefined
  readonly #logger: Logger | undefined
  readonly #ice: IceMode
  readonly #gather: ServerParts['gather']
  readonly #peers: PeerTable
  readonly #streams = new Map<string, LiveStream>()
  /** Those that `streamadded` has not told of yet. */
  readonly #untold = new Set<LiveStream>()
  readonly #signalings = new Set<HttpSignaling>()
  readonly #webhooks = new Set<Webhooks>()
  readonly #remotes = new Set<RemoteConnection>()
  readonly #keepAlive = setInterval(() => undefined, LONGEST_TIMER_MS)
  #httpSessions = 0
  #closing: Promise<void> | undefined

  constructor(start: StartNative, { logger, ice, gather, sharing, turn }: ServerParts) {
    super((error, event) => this.#listenerFailed(error, event))
    const report = (error: unknown): boolean => this.tell('listenererror', { error, event: 'log' })
    this.#logger = logger === undefined ? undefined : new IsolatedLogger(logger, report)
    this.#ice = ice
    this.#gather = gather
    this.#turnTerms = turn
    let native: NativeServer | undefined
    try {
      native = start({
        peer: (event) => this.#peers.handle(event),
        stream: (event) => this.#onStream(event),
        worker: (event) => this.#onWorker(event),
      })
      this.workers = native.workers
      this.tcp = native.tcp
      this.turn = turnInfo(native, turn?.host)
    } catch (error) {
      native?.close()
      clearInterval(this.#keepAlive)
      throw error
    }
    this.#native = native
    if (sharing !== undefined)
      this.#unshare = sharePort(sharing, (...connection) => native.takeConnection(...connection))
    this.#peers = new PeerTable({
      native,
      logger: this.#logger,
      report: (error, event) => this.#listenerFailed(error, event),
      isClosed: () => this.closed,
      listens: (event) => this.listenerCount(event) > 0,
      tell: (event, ...args) => this.tell(event, ...args),
    })
    this.#logger?.info({ workers: this.workers.length }, 'server started')
  }

  get closed(): boolean {
    return this.#closing !== undefined
  }

  async push(streamName: string, options: PushOptions = {}): Promise<PushPeer> {
    const { offer, ...rest } = options
    const publisher = this.#publisher(streamName, rest)
    await negotiate(publisher, offer)
    return publisher
  }

  async pull(streamName: string, options: PullOptions = {}): Promise<PullPeer> {
    const { offer, ...rest } = options
    const viewer = this.#viewer(streamName, rest)
    await negotiate(viewer, offer)
    return viewer
  }

  /** Lets in a peer that comes by HTTP: by its offer, or with one of the server's. */
  async admit(opened: Opened, offer: string | undefined): Promise<Admitted<SessionPeer>> {
    const { action, identity } = opened
    const streamName = parseStreamName(opened.streamName)
    if (offer !== undefined && this.#ice === 'lite') {
      this.#assertOpen()
      // One text for all its viewers.
      const name = this.#streams.get(streamName)?.name ?? streamName
      return await this.#peers.admit({ action, identity, streamName: name }, offer)
    }
    const own = identity === undefined ? {} : { identity }
    const peer = action === 'pull' ? this.#viewer(streamName, {}) : this.#publisher(streamName, own)
    await negotiate(peer, offer)
    const { type = 'offer', sdp = '' } = peer.localDescription ?? {}
    return { peer, type: type === 'answer' ? type : 'offer', sdp, iceSession: peer.iceSession ?? peer.id }
  }

  peer(options: { readonly push: string } & Omit<PushOptions, 'offer'>): PushPeer
  peer(options: { readonly pull: string } & Omit<PullOptions, 'offer'>): PullPeer
  peer(options: { readonly push?: string; readonly pull?: string } & Omit<PushOptions, 'offer'>): PushPeer | PullPeer {
    known('peer', options, ['push', 'pull', ...PUSH_KEYS])
    const { push, pull, ...rest } = options
    if ((push === undefined) === (pull === undefined)) throw invalid('peer has either push or pull')
    return push === undefined ? this.#viewer(pull, rest) : this.#publisher(push, rest)
  }

  replaceDtlsCertificate(certificate: DtlsCertificate): void {
    this.#assertOpen()
    this.#native.replaceDtlsCertificate(pemCertificate('certificate', certificate))
  }

  replaceTurnCertificate(certificate: TurnCertificate): void {
    this.#assertOpen()
    this.#native.replaceTurnCertificate(pemCertificate('certificate', certificate))
  }

  stream(streamName: string): Stream | undefined {
    return this.#streams.get(streamName)
  }

  streams(): readonly Stream[] {
    return [...this.#streams.values()]
  }

  peers(): readonly Peer[] {
    return this.#peers.all()
  }

  signaling(options: SignalingOptions = {}): Signaling {
    this.#assertOpen()
    const logger = this.#logger
    const signaling = new HttpSignaling(this, signalingSettings(options), {
      sessions: (change) => {
        this.#httpSessions += change
      },
      failed: (error, { method, path }) => {
        this.#logger?.error({ err: error, method, path }, 'request failed')
        this.tell('listenererror', { error, event: 'request' })
      },
      served: logger && ((fields, level) => logger[level](fields, 'request')),
      closed: () => this.#signalings.delete(signaling),
    })
    this.#signalings.add(signaling)
    return signaling
  }

  iceServers(options: IceServersOptions = {}): readonly IceServer[] {
    this.#assertOpen()
    known('iceServers', options, ['identity', 'ttlSeconds'])
    if (this.turn === undefined || this.#turnTerms === undefined) return []
    return mintIceServers(this.#turnTerms, this.turn.urls, options)
  }

  webhooks(options: WebhooksOptions): Webhooks {
    this.#assertOpen()
    const webhooks: Webhooks = new ServerWebhooks(this, options, {
      logger: this.#logger,
      closed: () => this.#webhooks.delete(webhooks),
    })
    this.#webhooks.add(webhooks)
    return webhooks
  }

  pullFrom(url: string | URL, streamName: string, options: PullFromOptions = {}): RemoteStream {
    return this.#remote('pull', [url, streamName], options)
  }

  pushTo(streamName: string, url: string | URL, options: PushToOptions = {}): RemoteStream {
    return this.#remote('push', [url, streamName], options)
  }

  remoteStreams(): readonly RemoteStream[] {
    return [...this.#remotes]
  }

  async getStats(): Promise<ServerStats> {
    const { accepted = 0, refused = 0, waiting = 0 } = this.#native.tcpCounters
    const workers = await this.#native.getCounters()
    const turn = this.turn === undefined ? {} : { turn: this.#native.turnCounters }
    return { timestamp: Date.now(), workers, tcp: { accepted, refused, waiting }, ...turn }
  }

  async held(): Promise<Held> {
    const objects = this.#peers.size + this.#streams.size + this.#remotes.size + this.#native.waiting
    const records = await this.#native.getHeld()
    const sum = (name: string): number => records.reduce((total, record) => total + (record[name] ?? 0), 0)
    return {
      sockets: sum('sockets'),
      peers: sum('peers'),
      transports: sum('transports'),
      dtls: sum('dtls'),
      pendingOffers: sum('pendingOffers'),
      addresses: sum('addresses'),
      detours: sum('detours'),
      relayedAddresses: sum('relayedAddresses'),
      ufrags: sum('ufrags'),
      streams: sum('streams'),
      remoteStreams: sum('remoteStreams'),
      subscriptions: sum('subscriptions'),
      timers: sum('timers'),
      cachedPackets: sum('cachedPackets'),
      queueSlots: sum('relaySlots') + sum('eventSlots') + sum('commandSlots'),
      turnAllocations: sum('turnAllocations'),
      turnConnections: sum('turnConnections'),
      httpSessions: this.#httpSessions,
      handles: objects + sum('kept'),
    }
  }

  ref(): this {
    this.#keepAlive.ref()
    return this
  }

  unref(): this {
    this.#keepAlive.unref()
    return this
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    // Whoever called `close` sees `closed` before anything happens.
    await Promise.resolve()
    this.#unshare()
    this.#native.close()
    this.#peers.endAll()
    for (const stream of this.#streams.values()) this.#removeStream(stream, 'serverClosed')
    // Later than the peers: these would be told that it was their session that ended, and streams that a publisher left.
    for (const signaling of this.#signalings) void signaling.close()
    const remotes = [...this.#remotes].map((remote) => remote.close('serverClosed'))
    // The other servers are told of their sessions' end, which takes two seconds at most.
    await Promise.all(remotes)
    clearInterval(this.#keepAlive)
    this.#logger?.info({}, 'server closed')
    this.tell('closed', { reason: 'closed' })
    await Promise.all([...this.#webhooks].map((webhooks) => webhooks.close()))
  }

  #remote(action: 'pull' | 'push', where: readonly [string | URL, string], options: PullFromOptions): RemoteStream {
    this.#assertOpen()
    const settings = remoteSettings(action, where, options, this.#gather.options)
    const home: RemoteHome = {
      server: this,
      report: this.#peers.report,
      logger: this.#logger,
      closed: () => this.#remotes.delete(remote),
    }
    const remote = new RemoteConnection(action, settings, home, options.signal)
    this.#remotes.add(remote)
    return remote
  }

  #publisher(streamName: unknown, options: Omit<PushOptions, 'offer'>): Publisher {
    this.#assertOpen()
    known('push', options, PUSH_KEYS)
    mediaKinds('media', options.media)
    flag('replace', options.replace)
    if (options.identity !== undefined) text('identity', options.identity)
    const gather = this.#gatherOf(options)
    return new Publisher(this.#peers, this.#peers.nextId('push'), parseStreamName(streamName), { ...options, gather })
  }

  #viewer(streamName: unknown, options: Omit<PullOptions, 'offer'>): Viewer {
    this.#assertOpen()
    known('pull', options, PULL_KEYS)
    mediaKinds('media', options.media)
    const gather = this.#gatherOf(options)
    return new Viewer(this.#peers, this.#peers.nextId('pull'), parseStreamName(streamName), { ...options, gather })
  }

  /** Nothing: the peer does ICE-lite. */
  #gatherOf(options: GatherOptions & { readonly ice?: IceMode }): Gather | undefined {
    const gatherTimeoutMs = gatherTimeoutOf(options)
    const says = options.iceServers !== undefined || options.iceTransportPolicy !== undefined
    if ((iceMode(options.ice) ?? this.#ice) === 'lite') {
      if (!says && gatherTimeoutMs === undefined) return undefined
      throw invalid("iceServers, iceTransportPolicy and gatherTimeoutMs are for peers with ice: 'full'")
    }
    if (says) return gatherOf(options, this.#gather.options)
    const { gathering } = this.#gather
    return () => (gatherTimeoutMs === undefined ? gathering : { ...gathering, gatherTimeoutMs })
  }

  #onStream(event: StreamEvent): void {
    if (event.type === 'streamAdded') return this.#addStream(event.stream)
    const stream = this.#streams.get(event.stream)
    if (stream === undefined) return
    if (event.type === 'streamRemoved') return this.#removeStream(stream, event.reason)
    stream.handle({
      state: event.state as Stream['state'],
      publisher: event.publisher,
      tracks: event.tracks as readonly TrackInfo[],
    })
    this.#tellAdded(stream)
    this.#logger?.debug({ stream: stream.name, state: event.state }, 'stream changed')
  }

  #addStream(name: string): void {
    const stream = new LiveStream({ native: this.#native, report: this.#peers.report, peers: this.#peers }, name)
    this.#streams.set(name, stream)
    this.#untold.add(stream)
    this.#logger?.info({ stream: name }, 'stream added')
  }

  // With the first change, which follows at once: it names the publisher. What was over before has none.
  #tellAdded(stream: LiveStream): void {
    if (this.#untold.delete(stream)) this.tell('streamadded', { stream })
  }

  #removeStream(stream: LiveStream, reason: string): void {
    this.#tellAdded(stream)
    this.#streams.delete(stream.name)
    stream.end(reason)
    this.#logger?.info({ stream: stream.name, reason }, 'stream removed')
    this.tell('streamremoved', { stream, reason })
  }

  #onWorker({ worker, message }: WorkerEvent): void {
    this.#logger?.error({ worker, reason: message }, 'worker failed and was started again')
    this.tell('workerrestart', { worker, message })
  }

  #listenerFailed(error: unknown, event: string): void {
    this.#logger?.error({ err: error, event }, 'listener failed')
    // A listener of this very event that throws has nobody left to tell.
    if (event !== 'listenererror') this.tell('listenererror', { error, event })
  }

  #assertOpen(): void {
    if (this.closed) throw errorOf('XRTC_CLOSED', 'the server is closed')
  }
}

function turnInfo(native: NativeServer, host: string | undefined): TurnInfo | undefined {
  const info = native.turn
  if (info === undefined) return undefined
  // Without an address there is no worker, and without a worker no server.
  const told = host ?? native.workers[0]?.candidates[0]?.address ?? 'localhost'
  return { ...info, urls: turnUrls(info, told) }
}

const PULL_KEYS = ['gatherTimeoutMs', 'ice', 'iceServers', 'iceTransportPolicy', 'media']
const PUSH_KEYS = [...PULL_KEYS, 'identity', 'replace']

function negotiate(peer: PeerBase, offer: string | undefined): Promise<void> {
  if (offer === undefined) return peer.setLocalDescription()
  if (typeof offer !== 'string') throw invalid('offer is a string, the SDP')
  return peer.answer(offer)
}
