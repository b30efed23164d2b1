// A lasting connection with another server that carries one stream: sessions one after the other, with pauses between
// them. It stands on the public API alone.

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type {
  IceServer,
  Logger,
  MediaServer,
  PeerStatsReport,
  PullPeer,
  PushPeer,
  RemoteStream,
  RemoteStreamEvents,
  RemoteStreamState,
  Stream,
} from '../../index.d.ts'
import type { ListenerErrorReport } from '../emitter.ts'
import { Emitter } from '../emitter.ts'
import { XrtcError, errorOf } from '../errors.ts'
import { backoffMs } from '../retry.ts'
import { Exchange } from './exchange.ts'
import { RemoteSession } from './session.ts'
import type { RemoteSettings } from './settings.ts'
import { askedDelayMs, isFinal } from './verdict.ts'

// A session that lived for so long was a success: the next failure is the first one again.
const STABLE_MS = 5_000
// Reasons of a peer's end that are this server's own wish.
const WANTED = ['closed', 'serverClosed', 'streamClosed']

/** What a remote stream needs of its server. */
export interface RemoteHome {
  readonly server: MediaServer
  readonly report: ListenerErrorReport
  readonly logger: Logger | undefined
  closed(): void
}

/** Why a session is over, or did not come about. */
interface Loss {
  readonly reason: string
  readonly error?: Error
}

/** One remote stream. */
export class RemoteConnection extends Emitter<RemoteStreamEvents> implements RemoteStream {
  readonly action: 'pull' | 'push'
  readonly streamName: string
  readonly url: string
  readonly #settings: RemoteSettings
  readonly #home: RemoteHome
  readonly #exchange: Exchange
  readonly #stop = new AbortController()
  readonly #identity = `remote-${randomUUID()}`
  readonly #over: Promise<void>
  #session: RemoteSession | undefined
  #state: RemoteStreamState = 'connecting'
  #failures = 0
  #nextAttemptAt: Date | undefined
  #lastError: Error | undefined
  #closeReason: string | undefined

  constructor(action: 'pull' | 'push', settings: RemoteSettings, home: RemoteHome, signal: AbortSignal | undefined) {
    super(home.report)
    this.action = action
    this.streamName = settings.streamName
    this.url = settings.url.href
    this.#settings = settings
    this.#home = home
    this.#exchange = new Exchange(settings)
    const abort = (): void => void this.close('aborted')
    signal?.addEventListener('abort', abort, { once: true })
    this.#over = this.#live().finally(() => signal?.removeEventListener('abort', abort))
    if (signal?.aborted === true) abort()
  }

  get state(): RemoteStreamState {
    return this.#state
  }

  get closed(): boolean {
    return this.#state === 'closed'
  }

  get closeReason(): string | undefined {
    return this.#state === 'closed' ? this.#closeReason : undefined
  }

  get peer(): PushPeer | PullPeer | undefined {
    return this.#session?.peer
  }

  get iceServers(): readonly IceServer[] {
    return this.#session?.iceServers ?? []
  }

  get failures(): number {
    return this.#failures
  }

  get nextAttemptAt(): Date | undefined {
    return this.#nextAttemptAt
  }

  get lastError(): Error | undefined {
    return this.#lastError
  }

  connected(): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.#state !== 'connected' && this.#state !== 'closed') return
        this.off('statechange', look)
        if (this.#state === 'connected') resolve()
        else reject(this.#lastError ?? errorOf('XRTC_CLOSED', `the remote stream is closed (${this.#closeReason})`))
      }
      this.on('statechange', look)
      look()
    })
  }

  async getStats(): Promise<PeerStatsReport> {
    const peer = this.peer
    return peer === undefined || peer.closed ? new Map() : await peer.getStats()
  }

  close(reason = 'closed'): Promise<void> {
    this.#closeReason ??= reason
    this.#stop.abort(errorOf('XRTC_CLOSED', 'the remote stream is closed'))
    return this.#over
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #live(): Promise<void> {
    // Whoever made it can listen before anything happens.
    await Promise.resolve()
    let loss: Loss | undefined
    while (!this.#stop.signal.aborted) {
      loss = await this.#attempt()
      await this.#session?.end()
      this.#session = undefined
      if (this.#stop.signal.aborted) break
      if (WANTED.includes(loss.reason) || isFinal(loss.error)) break
      if (this.#failures > this.#settings.maxRetries) break
      await this.#pause(loss)
    }
    this.#closeReason ??= loss?.reason ?? 'closed'
    await this.#exchange.close()
    this.#setState('closed', { ...loss, reason: this.#closeReason })
    this.#home.closed()
    this.tell('closed', { reason: this.#closeReason, error: this.#lastError })
  }

  /** From the offer to the end of the session. */
  async #attempt(): Promise<Loss> {
    const { signal } = this.#stop
    const { server } = this.#home
    this.#session = new RemoteSession({
      server,
      action: this.action,
      settings: this.#settings,
      exchange: this.#exchange,
      identity: this.#identity,
    })
    const session = this.#session
    try {
      await session.negotiate(signal)
      await session.connected(signal)
      const since = performance.now()
      this.#lastError = undefined
      this.#setState('connected')
      const reason = await session.over(signal)
      this.#failures = performance.now() - since >= STABLE_MS ? 1 : this.#failures + 1
      return { reason }
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : errorOf('XRTC_INTERNAL', String(thrown))
      if (signal.aborted) return { reason: 'closed' }
      this.#failures += 1
      this.#lastError = error
      return { reason: error instanceof XrtcError ? error.code : 'tokenFailed', error }
    }
  }

  /** Waits for the next attempt; a stream that is to be sent and was not live ends the wait as soon as it is. */
  async #pause(loss: Loss): Promise<void> {
    const { retryMinMs, retryMaxMs } = this.#settings
    const own = backoffMs(this.#failures, [retryMinMs, retryMaxMs])
    const delay = Math.max(own, askedDelayMs(loss.error))
    this.#nextAttemptAt = new Date(Date.now() + delay)
    this.#setState('waiting', loss)
    const cancel = new AbortController()
    const signal = AbortSignal.any([this.#stop.signal, cancel.signal])
    const isOwnStream = this.action === 'push' && this.#home.server.stream(this.streamName)?.live !== true
    const unwatch = isOwnStream ? this.#watchOwnStream(() => cancel.abort()) : undefined
    await sleep(delay, undefined, { signal, ref: false }).catch(() => undefined)
    unwatch?.()
    this.#nextAttemptAt = undefined
    if (!this.#stop.signal.aborted) this.#setState('connecting')
  }

  #watchOwnStream(live: () => void): () => void {
    const { server } = this.#home
    let stream: Stream | undefined
    const look = (): void => {
      if (stream?.live === true) live()
    }
    const attach = (): void => {
      stream?.off('change', look)
      stream = server.stream(this.streamName)
      stream?.on('change', look)
      look()
    }
    server.on('streamadded', attach)
    attach()
    return () => {
      server.off('streamadded', attach)
      stream?.off('change', look)
    }
  }

  #setState(state: RemoteStreamState, loss?: Loss): void {
    this.#state = state
    const { action, streamName: stream } = this
    const origin = this.#settings.url.origin
    const { reason, error } = loss ?? {}
    const why = {
      ...(reason === undefined ? {} : { reason }),
      ...(error === undefined ? {} : { error: error.message }),
    }
    const level = error === undefined ? 'info' : 'warn'
    this.#home.logger?.[level]({ action, stream, origin, state, ...why }, 'remote stream')
    this.tell('statechange', { state, reason, error, nextAttemptAt: this.#nextAttemptAt })
  }
}
