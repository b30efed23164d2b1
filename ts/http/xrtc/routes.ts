// The XRTC routes: push and pull (the server offers), sendanswer, stoppush and stoppull. Requests are forms, replies
// JSON with an `errNo`, as the clients of the XRTC course know them.

import type { MediaServer, Peer, XrtcRoutesOptions } from '../../../index.d.ts'
import { errorOf } from '../../errors.ts'
import type { PeerBase } from '../../peer.ts'
import { withinTime } from '../deadline.ts'
import type { Gate, Terms } from '../gate.ts'
import { limitLifetime } from '../lifetime.ts'
import type { HttpRequest, HttpResponse } from '../message.ts'
import { emptyResponse } from '../message.ts'
import { retryAfter } from '../problem.ts'
import type { RateLimiter } from '../rate-limit.ts'
import type { SignalingHooks, SignalingSettings } from '../signaling.ts'
import { Call } from './call.ts'
import { Refusal, XrtcErrNo, refusalOf, refusalOfResponse } from './err-no.ts'
import { FORM, Parameters } from './parameters.ts'
import type { SessionKey } from './session-table.ts'
import { XrtcSessions } from './session-table.ts'

/** What can be asked for. */
export type XrtcAction = 'push' | 'pull' | 'sendanswer' | 'stoppush' | 'stoppull'

/** The actions by the last segment of their path. */
export function xrtcAction(segment: string): XrtcAction | undefined {
  return ACTIONS.find((action) => action === segment)
}

const ACTIONS: readonly XrtcAction[] = ['push', 'pull', 'sendanswer', 'stoppush', 'stoppull']
const METHODS = 'OPTIONS, POST'

type Settings = Pick<SignalingSettings, 'maxBodyBytes' | 'requestTimeoutMs' | 'retryAfterSeconds'>

/** What the routes share with the signaling's others. */
export interface XrtcHooks extends SignalingHooks {
  readonly gate: Gate
  readonly limiter: RateLimiter | undefined
}

/** Serves the XRTC routes of one signaling. */
export class XrtcRoutes {
  readonly #server: MediaServer
  readonly #settings: Settings
  readonly #replace: boolean
  readonly #hooks: XrtcHooks
  readonly #sessions: XrtcSessions
  #state: 'open' | 'draining' | 'closed' = 'open'

  constructor(server: MediaServer, settings: Settings, { replace = false }: XrtcRoutesOptions, hooks: XrtcHooks) {
    this.#server = server
    this.#settings = settings
    this.#replace = replace
    this.#hooks = hooks
    this.#sessions = new XrtcSessions(hooks.sessions)
  }

  get sessionCount(): number {
    return this.#sessions.size
  }

  /** Serves one request. `preflight` is what the answer to OPTIONS has. Never rejects. */
  async serve(action: XrtcAction, request: HttpRequest, preflight: HttpResponse['headers']): Promise<HttpResponse> {
    if (request.method === 'OPTIONS') {
      return emptyResponse(200, [['Allow', METHODS], ['Accept-Post', FORM], ...preflight])
    }
    const call = new Call(request)
    try {
      return await this.#act(action, call)
    } catch (error) {
      const refusal = refusalOf(error, this.#settings.retryAfterSeconds)
      if (refusal !== undefined) return call.refuse(refusal)
      this.#hooks.failed(error, request)
      return call.refuse(new Refusal(XrtcErrNo.internal, 'the server failed; its log says why', 500))
    }
  }

  /** Opens no session any more; resolves when the last one is over. */
  drain(): Promise<void> {
    if (this.#state === 'open') this.#state = 'draining'
    return this.#sessions.whenEmpty()
  }

  /** Ends all sessions and serves nothing more. */
  async close(): Promise<void> {
    this.#state = 'closed'
    await Promise.all(this.#sessions.all().map((peer) => peer.close('the signaling was closed')))
  }

  async #act(action: XrtcAction, call: Call): Promise<HttpResponse> {
    const { request } = call
    if (request.method !== 'POST') {
      throw new Refusal(XrtcErrNo.methodNotAllowed, `${request.method} has no meaning here`, 405, [['Allow', METHODS]])
    }
    if (this.#state === 'closed') throw errorOf('XRTC_CLOSED', 'the signaling is closed')
    const seconds = this.#hooks.limiter?.take(request)
    if (seconds !== undefined) {
      throw new Refusal(XrtcErrNo.tooManyRequests, 'too many requests', 429, retryAfter(seconds))
    }
    const parameters = await Parameters.read(request, this.#settings.maxBodyBytes)
    call.done('body')
    const { uid, stream } = call.about(parameters)
    switch (action) {
      case 'push':
      case 'pull':
        return await this.#offer(call, parameters, { action, uid, stream })
      case 'sendanswer':
        return await this.#answer(call, parameters, { action: parameters.type(), uid, stream })
      case 'stoppush':
      case 'stoppull':
        return await this.#stop(call, parameters, { action: action === 'stoppush' ? 'push' : 'pull', uid, stream })
    }
  }

  async #offer(call: Call, parameters: Parameters, asked: Omit<SessionKey, 'identity'>): Promise<HttpResponse> {
    if (this.#state === 'draining') throw errorOf('XRTC_CLOSED', 'the server is about to end: no session is opened')
    const media = parameters.media()
    call.done('parse')
    const { identity, iceServers, redirect, expiresInMs } = await this.#pass(call, parameters, asked)
    if (redirect !== undefined)
      throw new Refusal(XrtcErrNo.redirected, `ask ${redirect}`, 307, [['Location', redirect]])
    const { action, stream, uid } = asked
    const opened: Promise<Peer> =
      action === 'push'
        ? this.#server.push(stream, { identity: identity ?? `uid:${uid}`, replace: this.#replace, media })
        : this.#server.pull(stream, { media })
    const peer = await withinTime(opened, this.#settings.requestTimeoutMs, giveUp)
    limitLifetime(peer as PeerBase, expiresInMs)
    this.#sessions.open({ ...asked, identity }, peer)
    call.done('offer')
    const sdp = peer.localDescription?.sdp ?? ''
    const undelivered = (): void => void peer.close('the offer could not be delivered')
    return call.reply({ type: 'offer', sdp, ...(iceServers.length === 0 ? {} : { iceServers }) }, undelivered)
  }

  async #answer(call: Call, parameters: Parameters, asked: Omit<SessionKey, 'identity'>): Promise<HttpResponse> {
    const sdp = parameters.answer()
    call.done('parse')
    const { identity, expiresInMs } = await this.#pass(call, parameters, asked)
    const key = { ...asked, identity }
    const peer = this.#sessions.find(key).at(-1)
    if (peer === undefined) throw this.#unknown(key)
    const taken = peer.setRemoteDescription({ type: 'answer', sdp })
    await withinTime(taken, this.#settings.requestTimeoutMs, () => giveUp(peer))
    limitLifetime(peer as PeerBase, expiresInMs)
    call.done('answer')
    return call.reply()
  }

  async #stop(call: Call, parameters: Parameters, asked: Omit<SessionKey, 'identity'>): Promise<HttpResponse> {
    call.done('parse')
    const { identity } = await this.#pass(call, parameters, asked)
    const key = { ...asked, identity }
    const peers = this.#sessions.find(key)
    // Clients end their connection first, and say so again when they are in doubt.
    if (peers.length === 0 && this.#sessions.endOf(key) === undefined) throw this.#unknown(key)
    await Promise.all(peers.map((peer) => peer.close('stopped by the client')))
    call.done('stop')
    return call.reply()
  }

  async #pass(
    call: Call,
    parameters: Parameters,
    { action, stream, uid }: Omit<SessionKey, 'identity'>,
  ): Promise<Terms> {
    const inForm = parameters.text('token')
    const token = call.request.token ?? (inForm === '' ? undefined : inForm)
    const passage = await this.#hooks.gate.pass({ ...call.request, token }, { action, stream, uid })
    call.done('authorize')
    if ('refusal' in passage) throw refusalOfResponse(passage.refusal, action)
    return passage
  }

  #unknown(key: SessionKey): Refusal {
    const end = this.#sessions.endOf(key)
    const message =
      end === undefined ? `uid ${key.uid} does not ${key.action} this stream` : `the session is over: ${end}`
    return new Refusal(XrtcErrNo.sessionNotFound, message)
  }
}

function giveUp(peer: Peer): void {
  void peer.close('the request was given up')
}
