// All peers of a server: those of which the application has an object, and those that came by HTTP and are kept until it
// asks for them.

import type { Logger, MediaServerEvents, Peer, PushPeer } from '../index.d.ts'
import type { ListenerErrorReport } from './emitter.ts'
import { errorOf } from './errors.ts'
import type { Opened } from './kept-peer.ts'
import { KeptPeer, peerId } from './kept-peer.ts'
import type { NativeServer, PeerEvent } from './native.ts'
import type { PeerBase, PeerHome } from './peer.ts'
import { Viewer } from './pull-peer.ts'
import { Publisher } from './push-peer.ts'

type PeerNews = 'peeradded' | 'peerremoved'

/** What the table needs of its server. */
export interface PeerTableHooks {
  readonly native: NativeServer
  readonly logger: Logger | undefined
  readonly report: ListenerErrorReport
  readonly isClosed: () => boolean
  /** Whether anybody listens. */
  readonly listens: (event: PeerNews) => boolean
  readonly tell: <Name extends PeerNews>(event: Name, ...args: MediaServerEvents[Name]) => void
}

/** A peer that was admitted, and the answer to its offer. */
export interface Admitted<P> {
  readonly peer: P
  readonly type: 'answer' | 'offer'
  readonly sdp: string
  readonly iceSession: string
}

// Whether there is an object of a peer that came by HTTP or not, it stays the same entry.
type Entry = PeerBase | KeptPeer

/** The peers. */
export class PeerTable implements PeerHome {
  readonly native: NativeServer
  readonly report: ListenerErrorReport
  readonly #hooks: PeerTableHooks
  readonly #peers = new Map<number, Entry>()
  readonly #accepted = new Map<string, Set<Entry>>()
  #last = 0

  constructor(hooks: PeerTableHooks) {
    this.#hooks = hooks
    this.native = hooks.native
    this.report = hooks.report
  }

  get closed(): boolean {
    return this.#hooks.isClosed()
  }

  /** How many entries there are: those of peers that are open natively, and those of accepted ones. */
  get size(): number {
    let accepted = 0
    for (const peers of this.#accepted.values()) accepted += peers.size
    return this.#peers.size + accepted
  }

  /** The name of the next peer. */
  nextId(action: 'push' | 'pull'): string {
    this.#last += 1
    return peerId(action, this.#last)
  }

  /** Lets a peer with an offer in, and makes no object of it unless somebody listens to `peeradded`. */
  async admit(opened: Opened, offer: string): Promise<Admitted<KeptPeer>> {
    this.#last += 1
    const serial = this.#last
    const { peer: number, description } = this.native.admit(opened, offer)
    const peer = new KeptPeer(this, number, serial, opened)
    this.#peers.set(number, peer)
    try {
      const { sdp, iceSession } = await description
      if (this.closed) throw errorOf('XRTC_CLOSED', 'the server is closed')
      peer.assertOpen()
      this.#add(peer, opened.streamName)
      return { peer, type: 'answer', sdp, iceSession }
    } catch (error) {
      // Refused, or over already.
      this.#peers.delete(number)
      this.native.release(number)
      throw error
    }
  }

  /** Makes the object of a peer that was kept. */
  objectOf(kept: KeptPeer): PeerBase {
    const { action, identity, id, number, streamName } = kept
    const known = this.native.kept(number)
    if (known === undefined) throw errorOf('XRTC_CLOSED', `the peer is closed (${kept.closeReason ?? 'closed'})`)
    const peer =
      action === 'pull'
        ? new Viewer(this, id, streamName, { gather: undefined })
        : new Publisher(this, id, streamName, { gather: undefined, ...(identity === undefined ? {} : { identity }) })
    peer.takeOver(number, known)
    this.native.release(number)
    return peer
  }

  opened(number: number, peer: PeerBase): void {
    this.#peers.set(number, peer)
  }

  accepted(peer: PeerBase): void {
    this.#add(peer, peer.streamName)
  }

  removed(number: number | undefined, peer: PeerBase): void {
    const entry = (number === undefined ? undefined : this.#peers.get(number)) ?? peer
    if (number !== undefined) this.#peers.delete(number)
    if (!this.#remove(entry)) return
    this.#hooks.tell('peerremoved', { peer, reason: peer.closeReason ?? '' })
  }

  /** Takes what the native side tells. */
  handle(event: PeerEvent): void {
    const peer = this.#peers.get(event.peer)
    if (event.type === 'candidateError') {
      const { url, errorCode, errorText } = event
      this.#hooks.logger?.warn({ peer: peer?.id, url, errorCode, errorText }, 'no address from an ICE server')
    }
    if (!(peer instanceof KeptPeer)) return peer?.handle(event)
    const isOver = event.type === 'peerClosed'
    // Its answer may still be on its way: then nobody was told of it, and its end is the refusal of its offer.
    const isTold = isOver && this.#isAccepted(peer) && this.#hooks.listens('peerremoved')
    if (peer.hasObject || isTold) return peer.object().handle(event)
    if (!isOver) return
    this.#peers.delete(event.peer)
    this.native.release(event.peer)
    peer.end(event.reason)
    this.#remove(peer)
  }

  /** Ends those that are left: a worker that hung told nothing about them. */
  endAll(): void {
    for (const [number] of this.#peers) {
      this.handle({ type: 'peerClosed', peer: number, reason: 'serverClosed', detail: '' })
    }
  }

  /** The publisher with that number. */
  publisher(number: number): PushPeer | undefined {
    const peer = this.#peers.get(number)
    const object = peer?.object()
    return object instanceof Publisher ? object : undefined
  }

  /** The accepted peers. */
  all(): readonly Peer[] {
    return [...this.#accepted.keys()].flatMap((streamName) => this.of(streamName))
  }

  /** The accepted peers of a stream. */
  of(streamName: string): readonly Peer[] {
    return [...(this.#accepted.get(streamName) ?? [])].map((peer) => peer.object())
  }

  /** How many accepted viewers a stream has. */
  viewerCount(streamName: string): number {
    let count = 0
    for (const peer of this.#accepted.get(streamName) ?? []) if (peer.action === 'pull') count += 1
    return count
  }

  #isAccepted(peer: Entry): boolean {
    return this.#accepted.get(peer.streamName)?.has(peer) === true
  }

  #add(peer: Entry, streamName: string): void {
    const peers = this.#accepted.get(streamName) ?? new Set()
    this.#accepted.set(streamName, peers.add(peer))
    this.#hooks.logger?.info({ peer: peer.id, stream: streamName }, 'peer added')
    if (!this.#hooks.listens('peeradded')) return
    this.#hooks.tell('peeradded', { peer: peer.object() })
  }

  #remove(peer: Entry): boolean {
    const { id, streamName, closeReason: reason = '' } = peer
    const peers = this.#accepted.get(streamName)
    if (peers?.delete(peer) !== true) return false
    if (peers.size === 0) this.#accepted.delete(streamName)
    this.#hooks.logger?.info({ peer: id, stream: streamName, reason }, 'peer removed')
    return true
  }
}
