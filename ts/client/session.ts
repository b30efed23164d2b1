import { ClientError, type ConflictCode } from './problem.ts'
import { readFigures, type Figures, type FiguresMemory } from './figures.ts'
import { deleteSession, postOffer, type Endpoint } from './signaling.ts'

/**
 * - `connecting`: the first offer is on its way, or ICE and DTLS are
 * - `waiting`: the stream is not live; asked again by itself
 * - `live`: media may flow
 * - `reconnecting`: it was live (or the server was busy) and is being set up again
 * - `closed`: over, by `close()` or for the reason in `problem`
 */
export type SessionState = 'connecting' | 'waiting' | 'live' | 'reconnecting' | 'closed'

/** What publisher and player have in common. */
export interface SessionOptions {
  /** The WHIP or WHEP address, absolute or relative to the page. */
  readonly endpoint: string | URL
  /** Sent as a bearer token. */
  readonly token?: string
  /** Whether a broken session is set up again by itself; default `true`. */
  readonly reconnect?: boolean
  /** STUN and TURN servers beside the ones that the server names; default none. */
  readonly iceServers?: readonly RTCIceServer[]
}

/** How long ICE may stay disconnected before the session is set up again, in ms: longer than a Wi-Fi hand-over. */
const DISCONNECTED_PATIENCE_MS = 4_000
/** How long ICE and DTLS may take, in ms. */
const CONNECT_TIMEOUT_MS = 15_000
const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 10_000
/**
 * How often and how many times a publisher asks for a stream that is taken: perhaps by its own page of a moment ago, whose
 * goodbye is still on its way, or never comes. The server gives up a publisher that is silent for two seconds.
 */
const IN_USE_RETRY_MS = 500
const IN_USE_RETRIES = 6

/**
 * One WHIP or WHEP session that sets itself up again when it breaks.
 * Fires `statechange` whenever `state` or `problem` changes.
 */
export abstract class Session extends EventTarget {
  readonly #options: SessionOptions
  readonly #endpoint: Endpoint
  readonly #leave = () => void this.close()
  #state: SessionState = 'connecting'
  #problem: ClientError | undefined
  #attempt: Attempt | undefined
  #failures = 0
  #wasLive = false
  #timer: ReturnType<typeof setTimeout> | undefined
  #memory: FiguresMemory = {}

  /**
   * @param options where to connect and how
   * @param conflict what a 409 of this endpoint means
   * @throws {ClientError} `unsupportedBrowser`: there is no `RTCPeerConnection`
   */
  constructor(options: SessionOptions, conflict: ConflictCode) {
    super()
    if (typeof globalThis.RTCPeerConnection !== 'function') {
      throw new ClientError('unsupportedBrowser', 'There is no WebRTC here: xrtc/client needs a browser that has it.')
    }
    this.#options = options
    this.#endpoint = { url: new URL(options.endpoint, globalThis.location?.href), token: options.token, conflict }
    globalThis.addEventListener?.('pagehide', this.#leave)
  }

  /** Where the session stands. */
  get state(): SessionState {
    return this.#state
  }

  /** Why it is waiting, reconnecting or closed; `undefined` while it is live and after a plain `close()`. */
  get problem(): ClientError | undefined {
    return this.#problem
  }

  /** The connection in use, for what this library does not cover. It changes when the session is set up again. */
  get peerConnection(): RTCPeerConnection | undefined {
    return this.#attempt?.connection
  }

  /** Live figures: rates are over the time since the last call. */
  async figures(): Promise<Figures> {
    const { figures, memory } = await readFigures(this.#attempt?.connection, this.#memory)
    this.#memory = memory
    return figures
  }

  /** Ends the session at the server and here. May be called again. */
  async close(): Promise<void> {
    await this.end(undefined)
  }

  /** Adds tracks or transceivers to a new connection. */
  protected abstract prepare(connection: RTCPeerConnection): void

  /** Resolves when an offer has a chance; rejects with a {@link ClientError}. */
  protected ready(_endpoint: Endpoint, _signal: AbortSignal): Promise<void> {
    return Promise.resolve()
  }

  /** Says that the stream is not live. */
  protected wait(problem: ClientError): void {
    this.#set('waiting', problem)
  }

  /** Hands over the tracks that come in; a publisher has none. */
  protected receive(_event: RTCTrackEvent): void {}

  /** Starts connecting; subclasses call it at the end of their constructor. */
  protected start(): void {
    void this.#connect()
  }

  /** Closes for a reason. */
  protected async end(problem: ClientError | undefined): Promise<void> {
    if (this.#state === 'closed') return
    globalThis.removeEventListener?.('pagehide', this.#leave)
    clearTimeout(this.#timer)
    this.#set('closed', problem)
    await this.#drop()
  }

  async #connect(): Promise<void> {
    const connection = new RTCPeerConnection({
      bundlePolicy: 'max-bundle',
      iceServers: [...(this.#options.iceServers ?? [])],
    })
    const attempt: Attempt = { connection, abort: new AbortController(), session: undefined }
    this.#attempt = attempt
    try {
      this.#watch(attempt)
      this.prepare(connection)
      await this.ready(this.#endpoint, attempt.abort.signal)
      if (this.#attempt !== attempt) return
      const offer = await connection.createOffer()
      const answer = await postOffer(this.#endpoint, offer.sdp ?? '', attempt.abort.signal)
      attempt.session = answer.session
      if (this.#attempt !== attempt) return void deleteSession(this.#endpoint, answer.session)
      // Gathering begins with the local description, so the servers that the answer names come first. The answer needs
      // no candidates of ours: the server learns them from the checks.
      if (answer.iceServers.length > 0) this.#configure(connection, answer.iceServers)
      await connection.setLocalDescription(offer)
      await connection.setRemoteDescription({ type: 'answer', sdp: answer.sdp })
      this.#timer = setTimeout(
        () => this.#fail(attempt, lost('The connection could not be set up.')),
        CONNECT_TIMEOUT_MS,
      )
    } catch (error) {
      this.#fail(attempt, asClientError(error))
    }
  }

  #configure(connection: RTCPeerConnection, named: readonly RTCIceServer[]): void {
    const iceServers = [...(this.#options.iceServers ?? []), ...named]
    connection.setConfiguration({ ...connection.getConfiguration(), iceServers })
  }

  #watch(attempt: Attempt): void {
    const { connection } = attempt
    connection.addEventListener('track', (event) => {
      this.receive(event)
      watchTransport(event.receiver.transport, () => this.#fail(attempt, endedByServer()))
    })
    connection.addEventListener('connectionstatechange', () => {
      if (this.#attempt !== attempt) return
      if (connection.connectionState === 'connected') this.#connected(attempt)
      if (connection.connectionState === 'failed') this.#fail(attempt, lost('The connection was lost.'))
      if (connection.connectionState === 'disconnected') {
        clearTimeout(this.#timer)
        this.#timer = setTimeout(() => this.#fail(attempt, lost('The connection was lost.')), DISCONNECTED_PATIENCE_MS)
      }
    })
  }

  #connected(attempt: Attempt): void {
    clearTimeout(this.#timer)
    this.#failures = 0
    this.#wasLive = true
    this.#memory = {}
    for (const { transport } of attempt.connection.getSenders()) {
      watchTransport(transport, () => this.#fail(attempt, endedByServer()))
    }
    this.#set('live', undefined)
  }

  #fail(attempt: Attempt, problem: ClientError): void {
    if (this.#attempt !== attempt || this.#state === 'closed') return
    clearTimeout(this.#timer)
    const mayLeave = problem.code === 'streamInUse' && this.#failures < IN_USE_RETRIES
    if (!(problem.transient || mayLeave) || this.#options.reconnect === false) return void this.end(problem)
    void this.#drop()
    this.#set(problem.code === 'notLive' ? 'waiting' : this.#wasLive ? 'reconnecting' : 'connecting', problem)
    const wait = mayLeave ? IN_USE_RETRY_MS : (problem.retryAfterMs ?? backOff(this.#failures))
    this.#failures += 1
    this.#timer = setTimeout(() => void this.#connect(), wait)
  }

  async #drop(): Promise<void> {
    const attempt = this.#attempt
    this.#attempt = undefined
    if (!attempt) return
    attempt.abort.abort()
    const ended = attempt.session ? deleteSession(this.#endpoint, attempt.session) : undefined
    attempt.connection.close()
    await ended
  }

  #set(state: SessionState, problem: ClientError | undefined): void {
    if (this.#state === state && this.#problem?.message === problem?.message) return
    this.#state = state
    this.#problem = problem
    this.dispatchEvent(new Event('statechange'))
  }
}

interface Attempt {
  readonly connection: RTCPeerConnection
  readonly abort: AbortController
  session: URL | undefined
}

// A close_notify of the server closes the DTLS transport long before ICE notices anything.
function watchTransport(transport: RTCDtlsTransport | null, closed: () => void): void {
  transport?.addEventListener('statechange', () => {
    if (transport.state === 'closed' || transport.state === 'failed') closed()
  })
}

function backOff(failures: number): number {
  const longest = Math.min(FIRST_RETRY_MS * 2 ** failures, LONGEST_RETRY_MS)
  return longest * (0.5 + Math.random() / 2)
}

function lost(message: string): ClientError {
  return new ClientError('connectionLost', message)
}

function endedByServer(): ClientError {
  return new ClientError('endedByServer', 'The server ended the session.')
}

function asClientError(error: unknown): ClientError {
  if (error instanceof ClientError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new ClientError('offerRefused', `The browser and the server do not agree: ${message}`, { cause: error })
}
