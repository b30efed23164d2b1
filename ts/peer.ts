// One remote peer: the browser's words over the native commands. PushPeer and PullPeer differ in how they are opened.

import type {
  IceCandidateInit,
  MediaKinds,
  Peer,
  PeerConnectionState,
  PeerDtlsState,
  PeerEvents,
  PeerIceConnectionState,
  PeerSignalingState,
  PeerStats,
  PeerStatsReport,
  RollbackDescription,
  SessionDescription,
} from '../index.d.ts'
import { AgreedDescriptions } from './agreed-descriptions.ts'
import type { Deferred } from './deferred.ts'
import { deferred } from './deferred.ts'
import type { ListenerErrorReport } from './emitter.ts'
import { Emitter } from './emitter.ts'
import { errorOf } from './errors.ts'
import type { Gather, Gathering } from './gathering.ts'
import { fragmentOf, withCredentialsOf } from './ice-text.ts'
import type { SessionPeer } from './kept-peer.ts'
import type { KeptFacts, NativeServer, OpenedPeer, PeerEvent } from './native.ts'
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

// As many as a browser with many interfaces has.
const MOST_EARLY = 64
const NONE: readonly IceCandidateInit[] = []
const NO_REMOTE = 'there is no remote description'

/** What pushers and pullers have in common. */
export abstract class PeerBase extends Emitter<PeerEvents> implements Peer, SessionPeer {
  abstract readonly action: 'push' | 'pull'
  readonly id: string
  readonly streamName: string
  readonly #home: PeerHome
  readonly #gather: Gather | undefined
  /** The names of its ICE servers are being resolved. */
  #gathering = false
  #number: number | undefined
  #connectionState: PeerConnectionState = 'new'
  #iceConnectionState: PeerIceConnectionState = 'new'
  #dtlsState: PeerDtlsState = 'new'
  #signalingState: PeerSignalingState = 'stable'
  /** What both sides agreed on last. */
  #current: AgreedDescriptions | undefined
  /** What was created and not set yet, and the ICE session that it names. */
  #created: SessionDescription | undefined
  #createdSession: string | undefined
  #stale = false
  #pendingLocal: SessionDescription | undefined
  #pendingRemote: SessionDescription | undefined
  /** Candidates of a later offer that has no answer yet. */
  readonly #early: IceCandidateInit[] = []
  #restartWanted = false
  /** The server has told of it. */
  #isAccepted = false
  /** What ICE servers did not give before: whoever hears of the peer by `peeradded` cannot listen earlier. */
  #unheard: PeerEvents['icecandidateerror'][0][] | undefined
  #iceSession: string | undefined
  #closing: Deferred<void> | undefined
  #closed: { readonly reason: string; readonly detail: string } | undefined
  /** Why we close it, if we do. */
  #ownReason: 'closed' | 'expired' = 'closed'

  constructor(home: PeerHome, id: string, streamName: string, gather: Gather | undefined) {
    super(home.report)
    this.#home = home
    this.#gather = gather
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
    return this.#pendingLocal ?? this.#current?.local ?? null
  }

  get remoteDescription(): SessionDescription | null {
    return this.#pendingRemote ?? this.#current?.remote ?? null
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

  restartIce(): void {
    this.#assertOpen()
    this.#restartWanted = true
    this.offerIsStale()
  }

  async createOffer(): Promise<SessionDescription> {
    this.#assertOpen()
    if (this.#created?.type === 'offer' && !this.#stale) return this.#created
    if (this.#signalingState !== 'stable' || this.#created?.type === 'answer') throw this.#wrongState('createOffer')
    if (this.#number === undefined) await this.#open(undefined)
    else await this.#offerAgain(this.#number)
    return this.#expectCreated('offer')
  }

  async createAnswer(): Promise<SessionDescription> {
    this.#assertOpen()
    if (this.#created?.type !== 'answer') throw this.#wrongState('createAnswer', 'no offer was set')
    return this.#created
  }

  async setLocalDescription(description?: SessionDescription | RollbackDescription): Promise<void> {
    if (description?.type === 'rollback') return await this.#rollBack('have-local-offer', 'setLocalDescription')
    const wanted = description ?? this.#created ?? (await this.createOffer())
    this.#assertOpen()
    const created = this.#created
    if (created === undefined || wanted.type !== created.type) throw this.#wrongState('setLocalDescription')
    if (wanted.sdp !== created.sdp) throw invalid('the local description is the one that was created, unchanged')
    if (created.type === 'answer') {
      if (this.#current !== undefined) await this.#home.native.commit(this.#expectNumber())
      this.#created = undefined
      return await this.#addEarly(this.#settle(created, this.#pendingRemote ?? created))
    }
    this.#created = undefined
    this.#pendingLocal = created
    this.#setSignalingState('have-local-offer')
  }

  async setRemoteDescription(description: SessionDescription | RollbackDescription): Promise<void> {
    this.#assertOpen()
    if (description?.type === 'rollback') return await this.#rollBack('have-remote-offer', 'setRemoteDescription')
    const sdp = text('sdp', description?.sdp)
    if (description.type === 'offer') return await this.#takeOffer(sdp)
    if (description.type !== 'answer') throw invalid('a description has the type offer, answer or rollback')
    const offer = this.#pendingLocal
    if (offer === undefined) throw this.#wrongState('setRemoteDescription', 'no offer of the server was set')
    await this.#home.native.setAnswer(this.#expectNumber(), sdp)
    await this.#addEarly(this.#settle(offer, { type: 'answer', sdp }))
  }

  /** Takes the first offer and answers it: `setRemoteDescription` and `setLocalDescription` in one step. */
  async answer(sdp: string): Promise<void> {
    await this.#open(sdp)
    const local = this.#expectCreated('answer')
    const remote = { type: 'offer', sdp } as const
    this.#pendingRemote = remote
    this.#setSignalingState('have-remote-offer')
    this.#assertOpen()
    this.#created = undefined
    this.#settle(local, remote)
  }

  async addIceCandidate(candidate?: IceCandidateInit | null): Promise<void> {
    this.#assertOpen()
    const init = candidate ?? {}
    if (typeof init !== 'object') throw invalid('a candidate is an object, as RTCIceCandidate.toJSON gives it')
    if (init.candidate !== undefined) text('candidate', init.candidate)
    const remote = this.remoteDescription
    if (remote === null) throw this.#wrongState('addIceCandidate', NO_REMOTE)
    // What belongs to a later offer counts when its answer holds.
    if (this.#pendingRemote !== undefined && this.#current !== undefined) {
      if (this.#early.length < MOST_EARLY) this.#early.push(init)
      return
    }
    await this.#home.native.trickle(this.#expectNumber(), fragmentOf(remote.sdp, init))
  }

  async addIceFragment(fragment: string): Promise<string | undefined> {
    this.#assertOpen()
    if (this.remoteDescription === null) throw this.#wrongState('addIceFragment', NO_REMOTE)
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
    else if (this.#number === undefined) this.#end(this.#ownReason, reason)
    else this.#home.native.closePeer(this.#number, reason)
    return this.#closing.promise
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  expire(detail: string): void {
    if (this.#closing === undefined) this.#ownReason = 'expired'
    void this.close(detail)
  }

  onEnd(callback: () => void): void {
    this.once('closed', callback)
  }

  object(): this {
    return this
  }

  /** Stands from now on for a peer that was opened and answered without an object. */
  takeOver(number: number, known: KeptFacts): void {
    this.#number = number
    this.#connectionState = known.connection as PeerConnectionState
    this.#iceConnectionState = known.ice as PeerIceConnectionState
    this.#dtlsState = known.dtls as PeerDtlsState
    this.#iceSession = known.iceSession
    this.#isAccepted = true
    this.#agreeOn({ type: 'answer', sdp: known.local }, { type: 'offer', sdp: known.remote })
  }

  /** A fragment of the remote side restarted ICE. Gives ours. */
  restarted(fragment: string, ours: { readonly fragment: string; readonly iceSession: string }): string {
    this.#iceSession = ours.iceSession
    if (this.#current !== undefined) {
      const { local, remote } = this.#current
      this.#agreeOn(withCredentialsOf(local, ours.fragment), withCredentialsOf(remote, fragment))
    }
    return ours.fragment
  }

  /** Takes what the native side tells about it. */
  handle(event: PeerEvent): void {
    if (event.type === 'peerClosed') {
      return this.#end(event.reason === 'closed' ? this.#ownReason : event.reason, event.detail)
    }
    if (event.type === 'candidateError') {
      const { url, errorCode, errorText } = event
      return this.#candidateFailed({ url, errorCode, errorText })
    }
    // That is told with its end, which is next, so that no event finds the peer half over.
    if (event.connection === 'closed') return
    this.#dtlsState = event.dtls as PeerDtlsState
    this.#setIceConnectionState(event.ice as PeerIceConnectionState)
    this.#setConnectionState(event.connection as PeerConnectionState)
  }

  /** Opens it natively. */
  protected abstract open(native: NativeServer, offer: string | undefined, gathering: Gathering): OpenedPeer

  /** What a later offer of ours shall have. */
  protected abstract offered(): MediaKinds

  /** An offer that was created and not set says what is no longer wanted. */
  protected offerIsStale(): void {
    this.#stale = this.#created?.type === 'offer'
  }

  async #open(offer: string | undefined): Promise<void> {
    const gathered = this.#gather?.() ?? {}
    const { unresolved = [], ...gathering } = gathered instanceof Promise ? await this.#gathered(gathered) : gathered
    this.#unheard = undefined
    // 701: the server could not be reached (W3C WebRTC §4.8.1.3).
    for (const { url, error } of unresolved) {
      this.#candidateFailed({ url, errorCode: 701, errorText: error.message })
    }
    const { peer, description } = this.open(this.#home.native, offer, gathering)
    this.#number = peer
    this.#home.opened(peer, this)
    try {
      const { sdp, iceSession } = await description
      this.#iceSession = iceSession
      this.#create({ type: offer === undefined ? 'offer' : 'answer', sdp }, iceSession)
    } catch (error) {
      // Refused: nothing is left of it, and another offer may be tried.
      this.#number = undefined
      this.#home.removed(peer, this)
      this.#tellUnheard()
      if (this.#closing !== undefined) this.#end(this.#ownReason, '')
      throw error
    }
    this.#assertOpen()
    this.#home.accepted(this)
    this.#isAccepted = true
    this.#tellUnheard()
  }

  #candidateFailed(failure: PeerEvents['icecandidateerror'][0]): void {
    if (this.#isAccepted) this.tell('icecandidateerror', failure)
    else this.#unheard = [...(this.#unheard ?? []), failure]
  }

  #tellUnheard(): void {
    const failures = this.#unheard ?? []
    this.#unheard = undefined
    for (const failure of failures) this.tell('icecandidateerror', failure)
  }

  async #gathered(gathering: Promise<Gathering>): Promise<Gathering> {
    if (this.#gathering) throw this.#wrongState('a second description')
    this.#gathering = true
    try {
      return await gathering
    } finally {
      this.#gathering = false
      this.#assertOpen()
    }
  }

  async #offerAgain(number: number): Promise<void> {
    if (this.#current === undefined) throw this.#wrongState('createOffer')
    if (this.#created !== undefined) await this.#home.native.rollBack(number)
    this.#created = undefined
    const options = { ...this.offered(), restartIce: this.#restartWanted }
    const { sdp, iceSession } = await this.#home.native.offerAgain(number, options)
    this.#create({ type: 'offer', sdp }, iceSession)
  }

  async #takeOffer(sdp: string): Promise<void> {
    // As in the browser, an offer of the other side goes before one of ours, and a later one before an earlier.
    const isFirst = this.#current === undefined
    if (
      this.#created?.type === 'offer' ||
      this.#pendingLocal !== undefined ||
      (isFirst && this.#number !== undefined)
    ) {
      await this.#undo()
    }
    if (isFirst) {
      await this.#open(sdp)
    } else {
      const answer = await this.#home.native.setOffer(this.#expectNumber(), sdp)
      this.#create({ type: 'answer', sdp: answer.sdp }, answer.iceSession)
    }
    this.#early.length = 0
    this.#pendingRemote = { type: 'offer', sdp }
    this.#setSignalingState('have-remote-offer')
  }

  async #rollBack(from: PeerSignalingState, method: string): Promise<void> {
    this.#assertOpen()
    if (this.#signalingState !== from) throw this.#wrongState(method)
    await this.#undo()
  }

  // Back to what was agreed on; before the first agreement nothing natively is left.
  async #undo(): Promise<void> {
    const number = this.#expectNumber()
    if (this.#current !== undefined) {
      await this.#home.native.rollBack(number)
    } else {
      this.#home.native.closePeer(number, 'rolled back')
      this.#number = undefined
      this.#iceSession = undefined
      this.#home.removed(number, this)
    }
    this.#created = undefined
    this.#forgetPending()
    this.#setSignalingState('stable')
  }

  #create(description: SessionDescription, iceSession: string): void {
    this.#created = description
    this.#createdSession = iceSession
    this.#stale = false
  }

  // Gives the candidates that came before the agreement.
  #settle(local: SessionDescription, remote: SessionDescription): readonly IceCandidateInit[] {
    this.#agreeOn(local, remote)
    this.#iceSession = this.#createdSession
    if (local.type === 'offer') this.#restartWanted = false
    const early = this.#early.length === 0 ? NONE : this.#early.splice(0)
    this.#forgetPending()
    this.#setSignalingState('stable')
    return early
  }

  #agreeOn(local: SessionDescription, remote: SessionDescription): void {
    this.#current = new AgreedDescriptions(local, remote)
    if (this.#connectionState === 'connected') this.#current.store()
  }

  async #addEarly(candidates: readonly IceCandidateInit[]): Promise<void> {
    for (const candidate of candidates) await this.addIceCandidate(candidate)
  }

  #forgetPending(): void {
    this.#pendingLocal = undefined
    this.#pendingRemote = undefined
    this.#early.length = 0
  }

  async #trickle(fragment: string): Promise<string | undefined> {
    const restarted = await this.#home.native.trickle(this.#expectNumber(), fragment)
    return restarted === undefined ? undefined : this.restarted(fragment, restarted)
  }

  #end(reason: string, detail: string): void {
    if (this.#closed !== undefined) return
    this.#closed = { reason, detail }
    this.#dtlsState = this.#iceConnectionState = this.#signalingState = this.#connectionState = 'closed'
    this.#home.removed(this.#number, this)
    this.tell('iceconnectionstatechange', { iceConnectionState: 'closed' })
    this.tell('signalingstatechange', { signalingState: 'closed' })
    this.tell('connectionstatechange', { connectionState: 'closed' })
    this.tell('closed', this.#closed)
    this.#closing?.resolve()
  }

  #setConnectionState(state: PeerConnectionState): void {
    if (state === this.#connectionState) return
    this.#connectionState = state
    if (state === 'connected') this.#current?.store()
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

  /** The native side and its number there, for a command of its own. */
  protected negotiated(method: string): { readonly native: NativeServer; readonly number: number } {
    this.#assertOpen()
    if (this.#number === undefined) throw this.#wrongState(method, NO_REMOTE)
    return { native: this.#home.native, number: this.#number }
  }

  #assertOpen(): void {
    if (this.#home.closed) throw errorOf('XRTC_CLOSED', 'the server is closed')
    if (this.#closed === undefined && this.#closing === undefined) return
    throw errorOf('XRTC_CLOSED', `the peer is closed (${this.#closed?.reason ?? 'closed'})`)
  }

  #wrongState(method: string, why?: string): Error {
    const state = `the signaling state is ${this.#signalingState}`
    return errorOf('XRTC_INVALID_STATE', `${method} does not fit: ${why === undefined ? state : `${why} (${state})`}`)
  }

  #expectNumber(): number {
    if (this.#number === undefined) throw errorOf('XRTC_INTERNAL', 'the peer was not opened')
    return this.#number
  }

  #expectCreated(type: SessionDescription['type']): SessionDescription {
    if (this.#created?.type === type) return this.#created
    throw errorOf('XRTC_INTERNAL', 'the worker made no description')
  }
}
