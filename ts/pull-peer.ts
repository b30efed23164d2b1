import type { MediaKinds, PullOptions, PullPeer } from '../index.d.ts'
import type { BindingPullOptions } from './binding.d.ts'
import type { NativeServer, OpenedPeer } from './native.ts'
import { flag, known } from './options.ts'
import type { PeerHome } from './peer.ts'
import { PeerBase } from './peer.ts'

/** A viewer. */
export class Viewer extends PeerBase implements PullPeer {
  readonly action = 'pull'
  readonly #fullIce: boolean
  #media: MediaKinds

  constructor(home: PeerHome, id: string, streamName: string, options: PullOptions) {
    super(home, id, streamName)
    this.#fullIce = options.ice === 'full'
    this.#media = options.media ?? {}
  }

  setMedia(media: MediaKinds): void {
    known('setMedia', media, ['audio', 'video'])
    flag('audio', media.audio)
    flag('video', media.video)
    this.#media = { ...media }
    this.offerIsStale()
  }

  protected override open(native: NativeServer, offer: string | undefined): OpenedPeer {
    const options: BindingPullOptions = { ...this.#media, fullIce: this.#fullIce }
    return native.pull(this.streamName, offer === undefined ? options : { ...options, offer })
  }

  protected override offered(): MediaKinds {
    return this.#media
  }
}
