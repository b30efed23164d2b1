// One remote peer: the browser's words over the native commands. PushPeer and PullPeer differ in how they are opened.

import type {
  IceCandidateInit,
  Peer,
  PeerConnectionState,
  PeerDtlsState,
  PeerEvents,
  PeerIceConnectionState,
  PeerSignalingState,
  PeerStats,
  PeerStatsReport,
  SessionDescription,
} from '../index.d.ts'
import type { Deferred } from './deferred.ts'
import { deferred } from './deferred.ts'
import type { ListenerErrorReport } from './emitter.ts'
import { Emitter } from './emitter.ts'
import { errorOf } from './errors.ts'
import { credentialsOf, fragmentOf, isSameMedia, restartFragmentOf, withCredentials } from './ice-text.ts'
import type { NativeServer, OpenedPeer, PeerEvent } from './native.ts'
import { invalid, text } from './options.ts'

/** What a peer needs of its server. */
export interface PeerHome {
  readonly native: NativeServer
  readonly closed: boolean
  readonly report: ListenerErrorReport
  /** A command opened the peer natively; its events go to it from now on. */
  opened(number: number, peer: PeerBase): void
  /** The server took it: it is one of its peers. */
  accepted(peer: PeerBase): void
  /** It is over. */
  removed(number: number | undefined, peer: PeerBase): void
}

/** What pushers and pullers have in common. */
export abstract class PeerBase extends Emitter<PeerEvents> implements Peer {
  abstract readonly action: 'push' | 'pull'
  readonly id: string
  readonly streamName: string
  readonly #home: PeerHome
  #number: number | undefined
  #connectionState: PeerConnectionState = 'new'
  #iceConnectionState: PeerIceConnectionState = 'new'
  #dtlsState: PeerDtlsState = 'new'
  #signalingState: PeerSignalingState = 'stable'
  #pending: SessionDescription | undefined
  #local: SessionDescription | null = null
  #remote: SessionDescription | null = null
  #iceSession: string | undefined
  #closing: Deferred<void> | undefined
  #closed: { readonly reason: string; readonly detail: string } | undefined

  constructor(home: PeerHome, id: string, streamName: string) {
    super(home.report)
    this.#home = home
    this.id = id
    this.streamName = streamName
  }

  get connectionState(): PeerConnectionState {
    return this.#connectionState
  }

  get iceConnectionState(): PeerIceConnectionState {
    return this.#iceConnectionState
  }

  get dtlsState(): PeerDtlsState {
    return this.#dtlsState
  }

  get signalingState(): PeerSignalingState {
    return this.#signalingState
  }

  get localDescription(): SessionDescription | null {
    return this.#local
  }

  get remoteDescription(): SessionDescription | null {
    return this.#remote
  }

  get iceSession(): string | undefined {
    return this.#iceSession
  }

  get closed(): boolean {
    return this.#closed !== undefined
  }

  get closeReason(): string | undefined {
    return this.#closed?.reason
  }

  /** The native number; nothing before it was opened. */
  get number(): number | undefined {
    return this.#number
  }

  async createOffer(): Promise<SessionDescription> {
    this.#assertOpen()
    if (this.#pending?.type === 'offer') return this.#pending
    if (this.#number !== undefined) throw this.#wrongState('createOffer')
    await this.#open(undefined)
    return this.#expectPending('offer')
  }

  async createAnswer(): Promise<SessionDescription> {
    this.#assertOpen()
    if (this.#pending?.type !== 'answer') throw this.#wrongState('createAnswer')
    return this.#pending
  }

  async setLocalDescription(description?: SessionDescription): Promise<void> {
    const wanted = description ?? this.#pending ?? (await this.createOffer())
    this.#assertOpen()
    if (this.#pending === undefined || wanted.type !== this.#pending.type) throw this.#wrongState('setLocalDescription')
    if (wanted.sdp !== this.#pending.sdp) throw invalid('the local description is the one that was created, unchanged')
    this.#local = this.#pending
    this.#pending = undefined
    this.#setSignalingState(this.#local.type === 'offer' ? 'have-local-offer' : 'stable')
  }

  async setRemoteDescription(description: SessionDescription): Promise<void> {
    this.#assertOpen()
    const sdp = text('sdp', description?.sdp)
    if (description.type === 'offer') return await this.#takeOffer(sdp)
    if (description.type !== 'answer') throw invalid('a description has the type offer or answer')
    if (this.#signalingState !== 'have-local-offer') throw this.#wrongState('setRemoteDescription')
    await this.#home.native.setAnswer(this.#expectNumber(), sdp)
    this.#remote = { type: 'answer', sdp }
    this.#setSignalingState('stable')
  }

  async addIceCandidate(candidate?: IceCandidateInit | null): Promise<void> {
    this.#assertOpen()
    if (this.#remote === null) throw this.#wrongState('addIceCandidate')
    await this.#home.native.trickle(this.#expectNumber(), fragmentOf(this.#remote.sdp, candidate ?? {}))
  }

  async addIceFragment(fragment: string): Promise<string | undefined> {
    this.#assertOpen()
    if (this.#remote === null) throw this.#wrongState('addIceFragment')
    return await this.#trickle(text('fragment', fragment))
  }

  async getStats(): Promise<PeerStatsReport> {
    this.#assertOpen()
    if (this.#number === undefined) return new Map()
    const records = await this.#home.native.getStats(this.#number)
    return new Map(
      records.map(({ id, type, timestamp, fields }) => [
        id,
        { id, type, timestamp, ...fields } as unknown as PeerStats,
      ]),
    )
  }

  close(reason = ''): Promise<void> {
    if (this.#closing !== undefined) return this.#closing.promise
    this.#closing = deferred<void>()
    if (this.#closed !== undefined) this.#closing.resolve()
    else if (this.#number === undefined) this.#end('closed', reason)
    else this.#home.native.closePeer(this.#number, reason)
    return this.#closing.promise
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Takes what the native side tells about it. */
  handle(event: PeerEvent): void {
    if (event.type === 'peerClosed') return this.#end(event.reason, event.detail)
    this.#dtlsState = event.dtls as PeerDtlsState
    this.#setIceConnectionState(event.ice as PeerIceConnectionState)
    this.#setConnectionState(event.connection as PeerConnectionState)
  }

  /** Opens it natively. */
  protected abstract open(native: NativeServer, offer: string | undefined): OpenedPeer

  async #open(offer: string | undefined): Promise<void> {
    const { peer, description } = this.open(this.#home.native, offer)
    this.#number = peer
    this.#home.opened(peer, this)
    try {
      const { sdp, iceSession } = await description
      this.#iceSession = iceSession
      this.#pending = { type: offer === undefined ? 'offer' : 'answer', sdp }
    } catch (error) {
      // Refused: nothing is left of it, and another offer may be tried.
      this.#number = undefined
      this.#home.removed(peer, this)
      if (this.#closing !== undefined) this.#end('closed', '')
      throw error
    }
    this.#assertOpen()
    this.#home.accepted(this)
  }

  async #takeOffer(sdp: string): Promise<void> {
    if (this.#signalingState !== 'stable' || this.#pending !== undefined) throw this.#wrongState('setRemoteDescription')
    if (this.#number === undefined) await this.#open(sdp)
    else await this.#restart(sdp)
    this.#remote = { type: 'offer', sdp }
    this.#setSignalingState('have-remote-offer')
  }

  // A second offer can restart ICE and nothing else.
  async #restart(sdp: string): Promise<void> {
    const [before, local] = [this.#remote, this.#local]
    if (before?.type !== 'offer' || local === null) throw this.#wrongState('setRemoteDescription')
    if (!isSameMedia(before.sdp, sdp)) {
      throw errorOf('XRTC_UNSUPPORTED_DESCRIPTION', 'a later offer may only restart ICE: open another peer')
    }
    await this.#trickle(restartFragmentOf(sdp))
    this.#pending = this.#local ?? undefined
  }

  async #trickle(fragment: string): Promise<string | undefined> {
    const restarted = await this.#home.native.trickle(this.#expectNumber(), fragment)
    if (restarted === undefined) return undefined
    this.#iceSession = restarted.iceSession
    this.#local = withCredentialsOf(this.#local, restarted.fragment)
    this.#remote = withCredentialsOf(this.#remote, fragment)
    return restarted.fragment
  }

  #end(reason: string, detail: string): void {
    if (this.#closed !== undefined) return
    this.#closed = { reason, detail }
    this.#dtlsState = 'closed'
    this.#home.removed(this.#number, this)
    this.#setIceConnectionState('closed')
    this.#setSignalingState('closed')
    this.#setConnectionState('closed')
    this.tell('closed', this.#closed)
    this.#closing?.resolve()
  }

  #setConnectionState(state: PeerConnectionState): void {
    if (state === this.#connectionState) return
    this.#connectionState = state
    this.tell('connectionstatechange', { connectionState: state })
  }

  #setIceConnectionState(state: PeerIceConnectionState): void {
    if (state === this.#iceConnectionState) return
    this.#iceConnectionState = state
    this.tell('iceconnectionstatechange', { iceConnectionState: state })
  }

  #setSignalingState(state: PeerSignalingState): void {
    if (state === this.#signalingState) return
    this.#signalingState = state
    this.tell('signalingstatechange', { signalingState: state })
  }

  #assertOpen(): void {
    if (this.#home.closed) throw errorOf('XRTC_CLOSED', 'the server is closed')
    if (this.#closed === undefined && this.#closing === undefined) return
    throw errorOf('XRTC_CLOSED', `the peer is closed (${this.#closed?.reason ?? 'closed'})`)
  }

  #wrongState(method: string): Error {
    return errorOf('XRTC_INVALID_STATE', `${method} does not fit: the signaling state is ${this.#signalingState}`)
  }

  #expectNumber(): number {
    if (this.#number === undefined) throw errorOf('XRTC_INTERNAL', 'the peer was not opened')
    return this.#number
  }

  #expectPending(type: SessionDescription['type']): SessionDescription {
    if (this.#pending?.type === type) return this.#pending
    throw errorOf('XRTC_INTERNAL', 'the worker made no description')
  }
}

function withCredentialsOf(description: SessionDescription | null, fragment: string): SessionDescription | null {
  const credentials = credentialsOf(fragment)
  if (description === null || credentials === undefined) return description
  return { type: description.type, sdp: withCredentials(description.sdp, credentials) }
}
