// A peer that came by HTTP and that the application has not asked for: a number, and what cannot be read from the native
// side. Its states and descriptions are kept there, and become an object when somebody wants to see it.

import type { Peer, SessionDescription } from '../index.d.ts'
import type { Deferred } from './deferred.ts'
import { deferred } from './deferred.ts'
import { errorOf } from './errors.ts'
import type { NativeServer } from './native.ts'
import type { PeerBase } from './peer.ts'

/** What HTTP sessions need of their peer, whether there is an object of it or not. */
export interface SessionPeer extends Pick<
  Peer,
  'close' | 'closed' | 'iceSession' | 'localDescription' | 'remoteDescription' | 'signalingState' | 'streamName'
> {
  /** Takes a fragment as `Peer.addIceFragment` does. */
  addIceFragment(fragment: string): Promise<string | undefined>
  /** Closes it because its time is over. */
  expire(detail: string): void
  /** Calls back when it is over. */
  onEnd(callback: () => void): void
  /** The object that the application sees. */
  object(): PeerBase
}

/** What one needs of its server. */
export interface KeptPeerHome {
  readonly native: NativeServer
  /** Makes the object of a peer, which stands for it from now on. */
  objectOf(peer: KeptPeer): PeerBase
}

/** Such a peer. */
export class KeptPeer implements SessionPeer {
  readonly action: 'push' | 'pull'
  readonly streamName: string
  readonly identity: string | undefined
  /** The native number. */
  readonly number: number
  readonly #home: KeptPeerHome
  readonly #serial: number
  #object: PeerBase | undefined
  #closing: Deferred<void> | undefined
  #closeReason: string | undefined
  #onEnd: (() => void) | undefined

  constructor(home: KeptPeerHome, number: number, serial: number, opened: Opened) {
    this.#home = home
    this.number = number
    this.#serial = serial
    this.action = opened.action
    this.streamName = opened.streamName
    this.identity = opened.identity
  }

  get id(): string {
    return peerId(this.action, this.#serial)
  }

  /** Whether somebody has asked for it. */
  get hasObject(): boolean {
    return this.#object !== undefined
  }

  get closed(): boolean {
    return this.#object?.closed ?? this.#closeReason !== undefined
  }

  get closeReason(): string | undefined {
    return this.#object?.closeReason ?? this.#closeReason
  }

  get iceSession(): string | undefined {
    if (this.#object !== undefined) return this.#object.iceSession
    return this.#home.native.keptIceSession(this.number)
  }

  get localDescription(): SessionDescription | null {
    if (this.#object !== undefined) return this.#object.localDescription
    const sdp = this.#home.native.kept(this.number)?.local
    return sdp === undefined ? null : { type: 'answer', sdp }
  }

  get remoteDescription(): SessionDescription | null {
    if (this.#object !== undefined) return this.#object.remoteDescription
    const sdp = this.#home.native.kept(this.number)?.remote
    return sdp === undefined ? null : { type: 'offer', sdp }
  }

  /** Its offer was answered at once, and without an object there was no other. */
  get signalingState(): Peer['signalingState'] {
    return this.#object?.signalingState ?? (this.closed ? 'closed' : 'stable')
  }

  async addIceFragment(fragment: string): Promise<string | undefined> {
    if (this.#object !== undefined) return await this.#object.addIceFragment(fragment)
    this.assertOpen()
    const restarted = await this.#home.native.trickle(this.number, fragment)
    return restarted === undefined ? undefined : this.object().restarted(fragment, restarted)
  }

  close(reason = ''): Promise<void> {
    if (this.#object !== undefined) return this.#object.close(reason)
    if (this.#closing !== undefined) return this.#closing.promise
    this.#closing = deferred<void>()
    if (this.closed) this.#closing.resolve()
    else this.#home.native.closePeer(this.number, reason)
    return this.#closing.promise
  }

  expire(detail: string): void {
    if (!this.closed) this.object().expire(detail)
  }

  onEnd(callback: () => void): void {
    const before = this.#onEnd
    // Mostly there is one, the session.
    if (before === undefined) this.#onEnd = callback
    else
      this.#onEnd = () => {
        before()
        callback()
      }
  }

  object(): PeerBase {
    if (this.#object !== undefined) return this.#object
    this.#object = this.#home.objectOf(this)
    this.#object.onEnd(() => this.#ended())
    // Whoever asks for it now sees that it is being closed.
    if (this.#closing !== undefined) void this.#object.close()
    return this.#object
  }

  /** It is over, and nobody has asked for its object. */
  end(reason: string): void {
    this.#closeReason = reason
    this.#ended()
  }

  /** @throws {ClosedError} It is over, or about to be. */
  assertOpen(): void {
    if (!this.closed && this.#closing === undefined) return
    throw errorOf('XRTC_CLOSED', `the peer is closed (${this.closeReason ?? 'closed'})`)
  }

  #ended(): void {
    this.#onEnd?.()
    this.#closing?.resolve()
  }
}

/** How one was opened. */
export interface Opened {
  readonly action: 'push' | 'pull'
  readonly streamName: string
  readonly identity: string | undefined
}

/** The name of a server's nth peer. */
export function peerId(action: 'push' | 'pull', serial: number): string {
  return `${action}-${serial}`
}
