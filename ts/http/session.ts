// HTTP sessions: one per peer that came by WHIP or WHEP, under a name that nobody can guess.

import { randomBytes } from 'node:crypto'
import type { SessionPeer } from '../kept-peer.ts'
import type { Protocol } from './route.ts'

// Tells this process from its siblings and from its former self.
const PROCESS_TAG = randomBytes(6).toString('base64url')

// RFC 9725 §5 wants names from a secure generator; 144 bits are more than a random UUID's 122.
const ID_BYTES = 18

// The generator is asked for many at once: a call costs it more than the bytes do.
const DRAWN_AT_ONCE = 128

// A client may end its peer first and its session after (OBS does, and takes anything but 200 for a failure), so
// sessions whose peer said goodbye are remembered for a while.
const REMEMBERED = 1024
const REMEMBERED_MS = 60_000

/** One session. */
export interface Session {
  readonly id: string
  readonly protocol: Protocol
  readonly peer: SessionPeer
  /** The token that came in the endpoint's URL: the session's URL, as secret as that one was, stands for it. */
  readonly urlToken: string | undefined
  /** The PATCH that is served now: they are served one after the other. */
  turn: Promise<unknown> | undefined
  /** The client's ICE credentials of before its restarts, newest last; nothing without any. */
  earlierGenerations: readonly string[] | undefined
}

/** A session that is over, as far as it is still known. */
export interface EndedSession extends Pick<Session, 'id' | 'protocol' | 'urlToken'> {
  readonly stream: string
  readonly endedAt: number
}

/** The name of a session's stream. */
export function streamOf(session: Session | EndedSession): string {
  return 'peer' in session ? session.peer.streamName : session.stream
}

/** The sessions of one signaling. */
export class SessionTable {
  readonly #sessions = new Map<string, Session>()
  readonly #ended = new Map<string, EndedSession>()
  readonly #onSize: (change: 1 | -1) => void
  readonly #prefix: string
  readonly #waiting: (() => void)[] = []
  #drawn = Buffer.alloc(0)
  #drawnAt = 0

  /** `onSize` is told of each session that comes or goes; `processTag` begins their names. */
  constructor(onSize: (change: 1 | -1) => void, processTag = PROCESS_TAG) {
    this.#onSize = onSize
    this.#prefix = `${processTag}.`
  }

  get size(): number {
    return this.#sessions.size
  }

  /** Opens a session for a peer; it ends with the peer. */
  open({ protocol, peer, urlToken }: Pick<Session, 'protocol' | 'peer' | 'urlToken'>): Session {
    const id = this.#prefix + this.#draw()
    const opened: Session = { id, protocol, peer, urlToken, turn: undefined, earlierGenerations: undefined }
    this.#sessions.set(id, opened)
    this.#onSize(1)
    if (peer.closed) this.#end(opened)
    else peer.onEnd(() => this.#end(opened))
    return opened
  }

  /** The session of that name. */
  find(protocol: Protocol, id: string): Session | undefined {
    const session = this.#sessions.get(id)
    return session?.protocol === protocol ? session : undefined
  }

  /** The session of that name if it ended by itself lately. */
  findEnded(protocol: Protocol, id: string): EndedSession | undefined {
    const session = this.#ended.get(id)
    if (session === undefined || session.protocol !== protocol) return undefined
    return Date.now() - session.endedAt <= REMEMBERED_MS ? session : undefined
  }

  /** Whether a name was given by another process, or by this one before it was started again. */
  isForeign(id: string): boolean {
    return id.includes('.') && !id.startsWith(this.#prefix)
  }

  /** Forgets a session at once, so that its name is unknown from now on. */
  forget(id: string): void {
    const session = this.#sessions.get(id)
    if (session !== undefined) this.#end(session)
    this.#ended.delete(id)
  }

  /** Resolves when there is no session. */
  whenEmpty(): Promise<void> {
    if (this.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** All sessions of now. */
  all(): readonly Session[] {
    return [...this.#sessions.values()]
  }

  #draw(): string {
    if (this.#drawnAt === this.#drawn.length) {
      this.#drawn = randomBytes(ID_BYTES * DRAWN_AT_ONCE)
      this.#drawnAt = 0
    }
    const begin = this.#drawnAt
    this.#drawnAt += ID_BYTES
    return this.#drawn.toString('base64url', begin, this.#drawnAt)
  }

  #end(session: Session): void {
    if (!this.#sessions.delete(session.id)) return
    this.#onSize(-1)
    const { id, protocol, urlToken } = session
    this.#ended.set(id, { id, protocol, stream: streamOf(session), urlToken, endedAt: Date.now() })
    for (const [oldest, { endedAt }] of this.#ended) {
      if (this.#ended.size <= REMEMBERED && Date.now() - endedAt <= REMEMBERED_MS) break
      this.#ended.delete(oldest)
    }
    if (this.size === 0) for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
