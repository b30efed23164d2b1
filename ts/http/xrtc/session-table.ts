// The sessions of the XRTC routes: found by who, what and which stream, for their requests carry no other name.

import type { Peer } from '../../../index.d.ts'

// The course's clients close their connection first and say that they stop after it, so sessions that are over are
// remembered for a while.
const REMEMBERED = 4096
const REMEMBERED_MS = 600_000

/** What finds a session. */
export interface SessionKey {
  readonly action: 'push' | 'pull'
  readonly stream: string
  readonly uid: bigint
  /** What `authorize` said; nobody gets at a session of somebody else who chose the same uid. */
  readonly identity: string | undefined
}

interface Ended {
  readonly reason: string
  readonly at: number
}

/** The sessions of one signaling. */
export class XrtcSessions {
  // The newest is the last one. There are two while a publisher that comes back has not answered yet.
  readonly #peers = new Map<string, readonly Peer[]>()
  readonly #ended = new Map<string, Ended>()
  readonly #onSize: (change: 1 | -1) => void
  readonly #waiting: (() => void)[] = []
  #size = 0

  /** `onSize` is told of each session that comes or goes. */
  constructor(onSize: (change: 1 | -1) => void) {
    this.#onSize = onSize
  }

  get size(): number {
    return this.#size
  }

  /**
   * Opens a session for a peer; it ends with the peer. The same key's earlier one makes room: at once, but for a
   * publisher, who goes on until the new one has answered, so that viewers see no gap.
   */
  open(key: SessionKey, peer: Peer): void {
    const name = nameOf(key)
    const earlier = this.#peers.get(name) ?? []
    this.#peers.set(name, [...earlier, peer])
    this.#ended.delete(name)
    this.#size += 1
    this.#onSize(1)
    if (peer.closed) this.#end(name, peer)
    else peer.once('closed', () => this.#end(name, peer))
    for (const other of earlier) {
      if (key.action === 'pull' || other.signalingState !== 'stable') void other.close(REPLACED)
    }
  }

  /** The peers of now, the newest last. */
  find(key: SessionKey): readonly Peer[] {
    return this.#peers.get(nameOf(key)) ?? []
  }

  /** Why a session that was there lately is over. */
  endOf(key: SessionKey): string | undefined {
    const ended = this.#ended.get(nameOf(key))
    return ended !== undefined && Date.now() - ended.at <= REMEMBERED_MS ? ended.reason : undefined
  }

  /** Resolves when there is no session. */
  whenEmpty(): Promise<void> {
    if (this.#size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** All peers of now. */
  all(): readonly Peer[] {
    return [...this.#peers.values()].flat()
  }

  #end(name: string, peer: Peer): void {
    const rest = (this.#peers.get(name) ?? []).filter((other) => other !== peer)
    if (rest.length > 0) this.#peers.set(name, rest)
    else this.#peers.delete(name)
    this.#size -= 1
    this.#onSize(-1)
    this.#ended.delete(name)
    this.#ended.set(name, { reason: peer.closeReason ?? '', at: Date.now() })
    for (const [oldest, { at }] of this.#ended) {
      if (this.#ended.size <= REMEMBERED && Date.now() - at <= REMEMBERED_MS) break
      this.#ended.delete(oldest)
    }
    if (this.#size === 0) for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

const REPLACED = 'the same uid came again'

function nameOf({ action, stream, uid, identity }: SessionKey): string {
  return JSON.stringify([action, stream, String(uid), identity])
}
