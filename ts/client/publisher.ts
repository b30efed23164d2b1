import { ClientError } from './problem.ts'
import { Session, type SessionOptions } from './session.ts'

/** A video codec by the name of its RTP payload format. */
export type VideoCodec = 'VP8' | 'VP9' | 'H264' | 'H265' | 'AV1'

/** What to publish and how. */
export interface PublishOptions extends SessionOptions {
  /** At most one audio and one video track. */
  readonly media: MediaStream
  /** The codec to prefer; default: the browser's order. */
  readonly codec?: VideoCodec
  /** Three layers (a quarter, half and full size) instead of one; default `false`. */
  readonly simulcast?: boolean
  /** The most that the video may take, in bits per second; default 2,500,000. */
  readonly maxVideoBitrateBps?: number
}

/** Publishes a `MediaStream` by WHIP. Fires `statechange`; ends with `captureEnded` when the last track ends. */
export interface Publisher extends Session {
  /** Puts another camera, microphone or screen into the running session, without interrupting it. */
  replaceTrack(track: MediaStreamTrack): Promise<void>
}

/**
 * Starts to publish.
 * @example
 * const media = await captureCamera()
 * const publisher = publish({ endpoint: '/whip/lobby', media })
 * publisher.addEventListener('statechange', () => console.log(publisher.state))
 */
export function publish(options: PublishOptions): Publisher {
  return new WhipPublisher(options)
}

const DEFAULT_VIDEO_BITRATE_BPS = 2_500_000
/** A quarter, half and full size, with the share of the bit rate that each gets. */
const LAYERS = [
  { rid: 'q', scaleResolutionDownBy: 4, share: 0.1 },
  { rid: 'h', scaleResolutionDownBy: 2, share: 0.3 },
  { rid: 'f', scaleResolutionDownBy: 1, share: 1 },
] as const

class WhipPublisher extends Session implements Publisher {
  readonly #options: PublishOptions
  readonly #tracks = new Map<string, MediaStreamTrack>()
  readonly #ended = () => this.#endWithTheLastTrack()

  constructor(options: PublishOptions) {
    super(options, 'streamInUse')
    this.#options = options
    for (const track of options.media.getTracks()) this.#keep(track)
    this.start()
  }

  async replaceTrack(track: MediaStreamTrack): Promise<void> {
    const transceiver = this.peerConnection?.getTransceivers().find((one) => one.sender.track?.kind === track.kind)
    this.#keep(track)
    await transceiver?.sender.replaceTrack(track)
  }

  protected override prepare(connection: RTCPeerConnection): void {
    for (const track of this.#tracks.values()) {
      const transceiver = connection.addTransceiver(track, {
        direction: 'sendonly',
        streams: [this.#options.media],
        ...(track.kind === 'video' ? { sendEncodings: this.#encodings() } : {}),
      })
      if (track.kind === 'video') prefer(transceiver, this.#options.codec)
    }
  }

  #encodings(): RTCRtpEncodingParameters[] {
    const maxBitrate = this.#options.maxVideoBitrateBps ?? DEFAULT_VIDEO_BITRATE_BPS
    if (this.#options.simulcast !== true) return [{ maxBitrate }]
    return LAYERS.map(({ rid, scaleResolutionDownBy, share }) => ({
      rid,
      scaleResolutionDownBy,
      maxBitrate: Math.round(maxBitrate * share),
    }))
  }

  #keep(track: MediaStreamTrack): void {
    this.#tracks.get(track.kind)?.removeEventListener('ended', this.#ended)
    this.#tracks.set(track.kind, track)
    track.addEventListener('ended', this.#ended)
  }

  #endWithTheLastTrack(): void {
    if ([...this.#tracks.values()].some((track) => track.readyState === 'live')) {
      this.dispatchEvent(new Event('trackended'))
      return
    }
    void this.end(new ClientError('captureEnded', 'The capture has ended: sharing was stopped or the device is gone.'))
  }
}

/** Moves a codec to the front of what the browser would offer anyway; its RTX and the rest stay. */
function prefer(transceiver: RTCRtpTransceiver, codec: VideoCodec | undefined): void {
  if (codec === undefined) return
  const all = RTCRtpSender.getCapabilities('video')?.codecs ?? []
  const wanted = all.filter((one) => one.mimeType.toUpperCase() === `VIDEO/${codec}`)
  if (wanted.length === 0) throw new ClientError('offerRefused', `This browser cannot send ${codec}.`)
  transceiver.setCodecPreferences([...wanted, ...all.filter((one) => !wanted.includes(one))])
}
