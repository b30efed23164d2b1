// One attempt: a peer, and the session at the other server that it belongs to (RFC 9725 §4, draft-ietf-wish-whep §4).

import type { IceServer, MediaServer, Peer, PullPeer, PushPeer } from '../../index.d.ts'
import { errorOf } from '../errors.ts'
import { iceServersOf } from '../client/link-header.ts'
import type { Exchange, Reply } from './exchange.ts'
import { SDP, resolve } from './exchange.ts'
import { given } from './given.ts'
import type { RemoteSettings } from './settings.ts'
import { refusalOf } from './verdict.ts'

// The other server ends a session by itself when its peer is gone; a DELETE only makes it sooner.
const FAREWELL_MS = 2_000

/** What a session is opened with. */
export interface SessionParts {
  readonly server: MediaServer
  readonly action: 'pull' | 'push'
  readonly settings: RemoteSettings
  readonly exchange: Exchange
  /** Under which a publisher replaces its earlier self. */
  readonly identity: string
}

/** A session and its peer. */
export class RemoteSession {
  readonly #parts: SessionParts
  #peer: PushPeer | PullPeer | undefined
  #url: URL | undefined
  iceServers: readonly IceServer[] = []

  constructor(parts: SessionParts) {
    this.#parts = parts
  }

  get peer(): PushPeer | PullPeer | undefined {
    return this.#peer
  }

  /** Offers, and takes the answer or, from a server that makes the offers, answers. */
  async negotiate(signal: AbortSignal): Promise<void> {
    const { exchange, settings, action } = this.#parts
    const peer = await this.#newPeer(signal)
    signal.throwIfAborted()
    const offer = await unlessAborted(signal, peer, () => peer.createOffer())
    await peer.setLocalDescription(offer)
    const reply = await exchange.send('POST', settings.url, offer.sdp, signal)
    // The draft of WHEP §4.3.2: the body is an offer of the server.
    const isCounterOffer = reply.status === 406 && action === 'pull' && reply.type === SDP
    if (!isCounterOffer && (reply.status < 200 || reply.status > 299)) throw refusalOf(reply)
    this.#note(reply)
    if (isCounterOffer) return await this.#accept(reply, signal)
    if (reply.type !== SDP) throw noAnswer(reply)
    await peer.setRemoteDescription({ type: 'answer', sdp: reply.body })
  }

  /**
   * Waits until media may flow.
   *
   * @throws {RemoteError} It did not in time, or the peer ended.
   */
  async connected(signal: AbortSignal): Promise<void> {
    const { connectTimeoutMs } = this.#parts.settings
    const deadline = AbortSignal.timeout(connectTimeoutMs)
    const outcome = await watch(this.#expectPeer(), ['connected'], AbortSignal.any([signal, deadline]))
    if (outcome === 'connected') return
    if (signal.aborted) throw signal.reason
    const reason = outcome ?? `not connected within ${connectTimeoutMs} ms`
    throw errorOf('XRTC_REMOTE_UNREACHABLE', `no media path to the remote server: ${reason}`, { details: { reason } })
  }

  /** Waits until it is over and says why: the peer's reason, or `silent` where nothing was heard for ten seconds. */
  async over(signal: AbortSignal): Promise<string> {
    const outcome = await watch(this.#expectPeer(), ['disconnected'], signal)
    if (signal.aborted) throw signal.reason
    return outcome === 'disconnected' || outcome === undefined ? 'silent' : outcome
  }

  /** Ends the peer and the session at the other server, as far as that still listens. */
  async end(): Promise<void> {
    const [peer, url] = [this.#peer, this.#url]
    this.#peer = undefined
    this.#url = undefined
    await peer?.close()
    if (url === undefined) return
    // It may be gone: there is nobody to tell then.
    await this.#parts.exchange.send('DELETE', url, '', AbortSignal.timeout(FAREWELL_MS)).catch(() => undefined)
  }

  // The server's own offer is answered by another peer; the one that offered is of no use any more.
  async #accept(counter: Reply, signal: AbortSignal): Promise<void> {
    if (this.#url === undefined) throw noAnswer(counter)
    await this.#peer?.close()
    const peer = await this.#newPeer(signal)
    signal.throwIfAborted()
    await unlessAborted(signal, peer, () => peer.setRemoteDescription({ type: 'offer', sdp: counter.body }))
    const answer = await peer.createAnswer()
    await peer.setLocalDescription(answer)
    const reply = await this.#parts.exchange.send('PATCH', this.#url, answer.sdp, signal)
    if (reply.status < 200 || reply.status > 299) throw refusalOf(reply)
  }

  #note(reply: Reply): void {
    const location = reply.header('location')
    if (location !== undefined) this.#url = resolve(location, reply.url)
    this.iceServers = iceServersOf(reply.header('link'))
  }

  async #newPeer(signal: AbortSignal): Promise<PushPeer | PullPeer> {
    const { server, action, settings, identity } = this.#parts
    const { streamName, media, replace, requestTimeoutMs: limitMs } = settings
    const gather = await settings.gather((ask) => given('iceServers', ask, { signal, limitMs }))
    const peer =
      action === 'pull'
        ? server.peer({ push: streamName, ice: 'full', media, replace, identity, ...gather })
        : server.peer({ pull: streamName, ice: 'full', media, ...gather })
    this.#peer = peer
    return peer
  }

  #expectPeer(): PushPeer | PullPeer {
    if (this.#peer === undefined) throw errorOf('XRTC_INTERNAL', 'the session has no peer')
    return this.#peer
  }
}

/** Gathers: a TURN server that does not answer takes ten seconds, but not those of whoever closes it meanwhile. */
async function unlessAborted<Result>(signal: AbortSignal, peer: Peer, gather: () => Promise<Result>): Promise<Result> {
  const abort = (): void => void peer.close()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await gather()
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** Waits for one of these states, or the peer's end, whose reason it gives. Nothing: the signal came first. */
function watch(peer: Peer, states: readonly string[], signal: AbortSignal): Promise<string | undefined> {
  return new Promise((settle) => {
    const done = (outcome: string | undefined): void => {
      peer.off('connectionstatechange', onState)
      peer.off('closed', onClosed)
      signal.removeEventListener('abort', onAbort)
      settle(outcome)
    }
    const onState = (): void => {
      if (states.includes(peer.connectionState)) done(peer.connectionState)
    }
    const onClosed = (): void => done(peer.closeReason ?? 'closed')
    const onAbort = (): void => done(undefined)
    peer.on('connectionstatechange', onState)
    peer.on('closed', onClosed)
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    else if (peer.closed) onClosed()
    else onState()
  })
}

function noAnswer(reply: Reply): Error {
  const details = { status: String(reply.status), url: reply.url.origin }
  return errorOf('XRTC_REMOTE_REFUSED', `${reply.url.origin} answered ${reply.status} without a usable description`, {
    details,
  })
}
