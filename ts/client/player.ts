import { ClientError } from './problem.ts'
import { Session, type SessionOptions } from './session.ts'
import { type Endpoint, hasLiveStream } from './signaling.ts'

/** Which stream to play and how. */
export interface PlayOptions extends SessionOptions {
  /** Whether to ask for audio; default `true`. */
  readonly audio?: boolean
  /** Whether to ask for video; default `true`. */
  readonly video?: boolean
  /**
   * The stream's entry in the server's list: `/api/streams?name=NAME`. With it the player asks there until the stream is
   * live; without it, by offers that are refused, each of which is an error in the browser's console. Default none.
   */
  readonly list?: string | URL
}

/** How often the list is asked while the stream is not live, in ms. */
const ASK_AGAIN_MS = 1_000

/** Plays a stream by WHEP. Fires `statechange`. */
export interface Player extends Session {
  /**
   * What comes in; the same object for the player's whole life, whatever happens to the connection.
   * A track is in it from its first packet on.
   */
  readonly media: MediaStream
}

/**
 * Starts to play. While the stream is not live the player waits and asks again, at the `list` if it has one.
 * @example
 * const player = play({ endpoint: '/whep/lobby' })
 * video.srcObject = player.media
 */
export function play(options: PlayOptions): Player {
  return new WhepPlayer(options)
}

class WhepPlayer extends Session implements Player {
  readonly media = new MediaStream()
  readonly #kinds: readonly ('audio' | 'video')[]
  readonly #list: URL | undefined
  readonly #patient: boolean

  constructor(options: PlayOptions) {
    super(options, 'notLive')
    this.#list = options.list === undefined ? undefined : new URL(options.list, globalThis.location?.href)
    this.#patient = options.reconnect !== false
    this.#kinds = (['video', 'audio'] as const).filter((kind) => options[kind] !== false)
    this.start()
  }

  protected override prepare(connection: RTCPeerConnection): void {
    for (const kind of this.#kinds) connection.addTransceiver(kind, { direction: 'recvonly' })
  }

  protected override async ready(endpoint: Endpoint, signal: AbortSignal): Promise<void> {
    if (this.#list === undefined) return
    while (!signal.aborted && !(await hasLiveStream(endpoint, this.#list, signal))) {
      const problem = new ClientError('notLive', 'The stream is not live.')
      if (!this.#patient) throw problem
      this.wait(problem)
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS))
    }
  }

  protected override receive({ track }: RTCTrackEvent): void {
    for (const old of this.media.getTracks()) {
      if (old.kind === track.kind) this.media.removeTrack(old)
    }
    // An element plays nothing until each track has something: a stream without picture would never be heard.
    if (!track.muted) return void this.media.addTrack(track)
    track.addEventListener('unmute', () => this.#admit(track), { once: true })
  }
  // By then the connection may be another one.
  #admit(track: MediaStreamTrack): void {
    if (this.peerConnection?.getReceivers().some((one) => one.track === track)) this.media.addTrack(track)
  }
}
