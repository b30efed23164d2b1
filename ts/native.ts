// The native side as promises and callbacks: numbers requests, drains events at the doorbell's ring, and turns
// refusals into errors. Nothing else in ts/ touches the binding.

import { createRequire } from 'node:module'
import type { XrtcErrorCode } from '../index.d.ts'
import type {
  BindingCertificate,
  BindingEvent,
  BindingKeptPeer,
  BindingOfferOptions,
  BindingLayerWish,
  BindingPullOptions,
  BindingPushOptions,
  BindingServer,
  BindingServerOptions,
  BindingTurn,
  BindingWorker,
} from './binding.d.ts'
import { XrtcError, errorOf } from './errors.ts'
import type { Opened } from './kept-peer.ts'

/** An event about a peer. */
export type PeerEvent = Extract<BindingEvent, { readonly type: 'candidateError' | 'peerState' | 'peerClosed' }>
/** An event about a stream. */
export type StreamEvent = Extract<BindingEvent, { readonly type: 'streamAdded' | 'streamChanged' | 'streamRemoved' }>
/** A worker failed and runs again. */
export type WorkerEvent = Extract<BindingEvent, { readonly type: 'workerFailed' }>

/** Takes the events that are no replies. It must not throw. */
export interface NativeEvents {
  readonly peer: (event: PeerEvent) => void
  readonly stream: (event: StreamEvent) => void
  readonly worker: (event: WorkerEvent) => void
}

/** What is known of a peer that is kept. */
export type KeptFacts = BindingKeptPeer

/** A new peer: its number at once, its description when it is made. */
export interface OpenedPeer {
  readonly peer: number
  readonly description: Promise<{ readonly sdp: string; readonly iceSession: string }>
}

type Reply = Extract<BindingEvent, { readonly request: number }>
type ReplyOf<Type extends Reply['type']> = Extract<Reply, { readonly type: Type }>

/** When a command that found its queue full is tried again. */
const RETRY_MS = 5

interface Waiting {
  /** What may be replied, refusals apart. */
  readonly types: readonly Reply['type'][]
  readonly resolve: (reply: never) => void
  readonly reject: (error: Error) => void
}

/** The workers, seen from JavaScript. */
export class NativeServer {
  readonly #binding: BindingServer
  readonly #events: NativeEvents
  readonly #waiting = new Map<number, Waiting>()
  #lastRequest = 0
  #closed = false

  /**
   * Starts the workers.
   *
   * @throws {NetworkError} A port is taken or cannot be bound.
   */
  constructor(options: BindingServerOptions, events: NativeEvents) {
    this.#events = events
    const { BindingServer } = loadBinding()
    this.#binding = translate(() => BindingServer.start(options, () => this.#drain()))
  }

  get workers(): readonly BindingWorker[] {
    return this.#binding.workers()
  }

  get tcp(): BindingWorker {
    return this.#binding.tcp()
  }

  /** Takes a TCP connection that came to a port of the application's. */
  takeConnection(descriptor: number, first: Buffer): boolean {
    return !this.#closed && this.#binding.takeConnection(descriptor, first)
  }

  /** Figures of TCP connections that are no worker's. */
  get tcpCounters(): Record<string, number> {
    return this.#binding.tcpCounters()
  }

  /** Where the TURN server can be reached. */
  get turn(): BindingTurn | undefined {
    return this.#binding.turn() ?? undefined
  }

  /** The TURN server's figures. */
  get turnCounters(): Record<string, number> {
    return this.#binding.turnCounters()
  }

  /** How many commands wait for their reply. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Opens a publisher. */
  push(stream: string, options: BindingPushOptions): OpenedPeer {
    return this.#open((request) => this.#binding.push(request, stream, options))
  }

  /** Opens a viewer, on the worker with the fewest peers. */
  pull(stream: string, options: BindingPullOptions): OpenedPeer {
    return this.#open((request) => this.#binding.pull(request, stream, options))
  }

  /** Opens a peer by its own offer. Its states are kept and not told until `release`, also if it is refused. */
  admit({ action, streamName, identity }: Opened, offer: string): OpenedPeer {
    return this.#open((request) =>
      action === 'pull'
        ? this.#binding.admitViewer(request, streamName, offer)
        : this.#binding.admitPublisher(request, streamName, offer, identity),
    )
  }

  /** What is known of a peer that is kept; also after its end, until `release`. */
  kept(peer: number): KeptFacts | undefined {
    return this.#binding.kept(peer) ?? undefined
  }

  /** The name of its ICE session alone. */
  keptIceSession(peer: number): string | undefined {
    return this.#binding.keptIceSession(peer) ?? undefined
  }

  /** From now on its states are told. */
  release(peer: number): void {
    this.#binding.release(peer)
  }

  /** Takes the remote side's answer. */
  async setAnswer(peer: number, sdp: string): Promise<void> {
    await this.#ask((request) => this.#binding.setAnswer(request, peer, sdp), 'accepted')
  }

  /** Takes a later offer of the remote side; the answer holds from `commit` on. */
  async setOffer(peer: number, sdp: string): Promise<{ readonly sdp: string; readonly iceSession: string }> {
    return await this.#ask((request) => this.#binding.setOffer(request, peer, sdp), 'answer')
  }

  /** Makes a later offer. */
  async offerAgain(
    peer: number,
    options: BindingOfferOptions,
  ): Promise<{ readonly sdp: string; readonly iceSession: string }> {
    return await this.#ask((request) => this.#binding.offerAgain(request, peer, options), 'offer')
  }

  /** The answer to a later offer holds. */
  async commit(peer: number): Promise<void> {
    await this.#ask((request) => this.#binding.commit(request, peer), 'accepted')
  }

  /** Drops a later offer. */
  async rollBack(peer: number): Promise<void> {
    await this.#ask((request) => this.#binding.rollBack(request, peer), 'accepted')
  }

  /** Takes a trickle fragment: nothing for candidates, the reply and the new session for an ICE restart. */
  async trickle(
    peer: number,
    fragment: string,
  ): Promise<{ readonly fragment: string; readonly iceSession: string } | undefined> {
    const reply = await this.#ask((request) => this.#binding.trickle(request, peer, fragment), 'accepted', 'restarted')
    return reply.type === 'restarted' ? reply : undefined
  }

  /** Lets a viewer's pictures be of a simulcast layer. */
  async setLayer(peer: number, wish: BindingLayerWish): Promise<void> {
    await this.#ask((request) => this.#binding.setLayer(request, peer, wish), 'accepted')
  }

  /** Ends a peer; its `peerClosed` follows. */
  closePeer(peer: number, reason: string): void {
    this.#insist(() => this.#binding.closePeer(peer, reason))
  }

  /** Peers that are opened from now on get this certificate. */
  replaceDtlsCertificate(certificate: BindingCertificate): void {
    this.#insist(() => this.#binding.replaceDtlsCertificate(certificate))
  }

  /** Clients of TURN over TLS that connect from now on are shown this certificate. */
  replaceTurnCertificate(certificate: BindingCertificate): void {
    this.#insist(() => this.#binding.replaceTurnCertificate(certificate))
  }

  /** Ends a stream; its `streamRemoved` follows. */
  closeStream(stream: string, reason: string): void {
    this.#insist(() => this.#binding.closeStream(stream, reason))
  }

  /** The entries of a peer's statistics. */
  async getStats(peer: number): Promise<ReplyOf<'stats'>['records']> {
    return (await this.#ask((request) => this.#binding.getStats(request, peer), 'stats')).records
  }

  /** Each worker's counters of sockets and of dropped packets. */
  async getCounters(): Promise<readonly { sockets: Record<string, number>; discards: Record<string, number> }[]> {
    const sockets = this.#binding.socketCounters()
    const replies = sockets.map((_, worker) =>
      this.#ask((request) => this.#binding.getCounters(request, worker), 'counters'),
    )
    const discards = await Promise.all(replies)
    return sockets.map((figures, worker) => ({ sockets: figures, discards: discards[worker]?.counters ?? {} }))
  }

  /** What each state machine holds, and what the workers hold beside them. */
  async getHeld(): Promise<readonly Record<string, number>[]> {
    const asked = this.#binding
      .workers()
      .map((_, worker) => this.#ask((request) => this.#binding.getHeld(request, worker), 'held'))
    const replies = await Promise.all(asked)
    return [...replies.map((reply) => reply.held), this.#binding.held()]
  }

  /** Ends everything. What happened until then is told before it returns. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#binding.close()
    // A long list comes in pieces.
    while (this.#drain() > 0);
    const error = errorOf('XRTC_CLOSED', 'the server is closed')
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }

  #open(send: (request: number) => number): OpenedPeer {
    let peer = 0
    const description = this.#ask(
      (request) => {
        peer = send(request)
      },
      'answer',
      'offer',
    )
    return { peer, description }
  }

  // What `send` throws is thrown from here: the command was not taken.
  #ask<Type extends Reply['type']>(send: (request: number) => void, ...types: readonly Type[]): Promise<ReplyOf<Type>> {
    if (this.#closed) throw errorOf('XRTC_CLOSED', 'the server is closed')
    const request = ++this.#lastRequest
    const reply = new Promise<ReplyOf<Type>>((resolve, reject) =>
      this.#waiting.set(request, { types, resolve, reject }),
    )
    try {
      translate(() => send(request))
    } catch (error) {
      this.#waiting.delete(request)
      throw error
    }
    return reply
  }

  // A full queue must not keep anything open: the command is tried again until it is taken.
  #insist(send: () => void): void {
    if (this.#closed) return
    try {
      translate(send)
    } catch (error) {
      if (!(error instanceof XrtcError) || error.code !== 'XRTC_OVERLOADED') throw error
      setTimeout(() => this.#insist(send), RETRY_MS)
    }
  }

  #drain(): number {
    const events = this.#binding.drain()
    for (const event of events) this.#dispatch(event)
    return events.length
  }

  #dispatch(event: BindingEvent): void {
    switch (event.type) {
      case 'candidateError':
      case 'peerState':
      case 'peerClosed':
        return this.#events.peer(event)
      case 'streamAdded':
      case 'streamChanged':
      case 'streamRemoved':
        return this.#events.stream(event)
      case 'workerFailed':
        return this.#events.worker(event)
      default:
        return this.#settle(event)
    }
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.request)
    if (waiting === undefined) return
    this.#waiting.delete(reply.request)
    if (waiting.types.includes(reply.type)) return waiting.resolve(reply as never)
    waiting.reject(
      reply.type === 'refused'
        ? errorOf(codeOf(reply.code), messageOf(reply), { details: reply.data })
        : errorOf('XRTC_INTERNAL', `the worker replied ${reply.type}`),
    )
  }
}

// The native side's codes. What is missing here is a defect of this package.
const CODES: Readonly<Record<string, XrtcErrorCode>> = {
  addressInUse: 'XRTC_ADDRESS_IN_USE',
  addressNotAvailable: 'XRTC_BIND_FAILED',
  busy: 'XRTC_OVERLOADED',
  invalidArgument: 'XRTC_INVALID_ARGUMENT',
  invalidDescription: 'XRTC_INVALID_DESCRIPTION',
  invalidFragment: 'XRTC_INVALID_FRAGMENT',
  invalidState: 'XRTC_INVALID_STATE',
  invalidStreamName: 'XRTC_INVALID_STREAM_NAME',
  limitReached: 'XRTC_LIMIT_REACHED',
  noAddress: 'XRTC_BIND_FAILED',
  noCommonCodec: 'XRTC_NO_COMMON_CODEC',
  noRelay: 'XRTC_NO_RELAY',
  noSocket: 'XRTC_BIND_FAILED',
  permissionDenied: 'XRTC_BIND_FAILED',
  portRange: 'XRTC_INVALID_ARGUMENT',
  serverClosed: 'XRTC_CLOSED',
  socket: 'XRTC_BIND_FAILED',
  streamInUse: 'XRTC_STREAM_IN_USE',
  streamNotLive: 'XRTC_STREAM_NOT_LIVE',
  unknownLayer: 'XRTC_INVALID_ARGUMENT',
  unknownPeer: 'XRTC_CLOSED',
  unknownStream: 'XRTC_UNKNOWN_STREAM',
  unsupportedDescription: 'XRTC_UNSUPPORTED_DESCRIPTION',
  workerCount: 'XRTC_INVALID_ARGUMENT',
}

function codeOf(code: unknown): XrtcErrorCode {
  return (typeof code === 'string' ? CODES[code] : undefined) ?? 'XRTC_INTERNAL'
}

// Made from the lists, one of which may be empty, in words that fit publishers and viewers.
function messageOf({ code, message, data }: ReplyOf<'refused'>): string {
  if (code !== 'noCommonCodec') return message
  const listed = (names = ''): string => (names === '' ? 'none that is known' : names.replaceAll(',', ', '))
  return `no common ${data['kind']} codec: the server has ${listed(data['live'])}; the peer has ${listed(data['offered'])}`
}

function translate<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    const { code, message } = error instanceof Error ? (error as NodeJS.ErrnoException) : { message: String(error) }
    throw errorOf(codeOf(code), message, { cause: error })
  }
}

// Loaded at the first server, so that importing the package never fails.
function loadBinding(): typeof import('./binding.d.ts') {
  try {
    return createRequire(import.meta.url)('../native/binding.cjs') as typeof import('./binding.d.ts')
  } catch (cause) {
    const platform = `${process.platform}-${process.arch}`
    throw errorOf('XRTC_NATIVE_MISSING', `there is no native binding for ${platform}: reinstall the package`, { cause })
  }
}
