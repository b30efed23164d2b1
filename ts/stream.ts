// A named live stream, as the events of its home worker tell of it.

import type { Peer, PullPeer, PushPeer, Stream, StreamEvents, StreamState, TrackInfo } from '../index.d.ts'
import type { Deferred } from './deferred.ts'
import { deferred } from './deferred.ts'
import type { ListenerErrorReport } from './emitter.ts'
import { Emitter } from './emitter.ts'
import type { NativeServer } from './native.ts'
import type { PeerTable } from './peer-table.ts'

/** What a stream needs of its server. */
export interface StreamHome {
  readonly native: NativeServer
  readonly report: ListenerErrorReport
  readonly peers: Pick<PeerTable, 'of' | 'publisher' | 'viewerCount'>
}

/** What changed about a stream. */
export interface StreamChange {
  readonly state: StreamState
  /** The publisher's number. */
  readonly publisher: number | undefined
  readonly tracks: readonly TrackInfo[]
}

/** A stream. */
export class LiveStream extends Emitter<StreamEvents> implements Stream {
  readonly name: string
  readonly createdAt = new Date()
  readonly #home: StreamHome
  #change: StreamChange = { state: 'connecting', publisher: undefined, tracks: [] }
  #closed = false
  #closing: Deferred<void> | undefined

  constructor(home: StreamHome, name: string) {
    super(home.report)
    this.#home = home
    this.name = name
  }

  get state(): StreamState {
    return this.#change.state
  }

  get live(): boolean {
    return this.#change.state === 'live'
  }

  get closed(): boolean {
    return this.#closed
  }

  get tracks(): readonly TrackInfo[] {
    return this.#change.tracks
  }

  get publisher(): PushPeer | undefined {
    const number = this.#change.publisher
    return number === undefined ? undefined : this.#home.peers.publisher(number)
  }

  get viewerCount(): number {
    return this.#closed ? 0 : this.#home.peers.viewerCount(this.name)
  }

  get viewers(): readonly PullPeer[] {
    return this.peers().filter((peer): peer is PullPeer => peer.action === 'pull')
  }

  peers(): readonly Peer[] {
    return this.#closed ? [] : this.#home.peers.of(this.name)
  }

  close(reason = ''): Promise<void> {
    if (this.#closing !== undefined) return this.#closing.promise
    this.#closing = deferred<void>()
    if (this.#closed) this.#closing.resolve()
    else this.#home.native.closeStream(this.name, reason)
    return this.#closing.promise
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Takes what its home worker tells. */
  handle(change: StreamChange): void {
    this.#change = change
    if (this.listenerCount('change') > 0) this.tell('change', { state: change.state, publisher: this.publisher })
  }

  /** It is over. */
  end(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    this.#change = { state: 'waiting', publisher: undefined, tracks: [] }
    this.tell('closed', { reason })
    this.#closing?.resolve()
  }
}
