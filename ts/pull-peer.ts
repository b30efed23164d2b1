import type { LayerWish, MediaKinds, PullOptions, PullPeer } from '../index.d.ts'
import type { BindingPullOptions } from './binding.d.ts'
import type { Gather, Gathering } from './gathering.ts'
import type { NativeServer, OpenedPeer } from './native.ts'
import { integer, invalid, known, mediaKinds, text } from './options.ts'
import type { PeerHome } from './peer.ts'
import { PeerBase } from './peer.ts'

/** More than any codec has in one direction. */
const MAX_PIXELS = 65_535

/** What one is made with. */
export interface ViewerOptions extends Pick<PullOptions, 'media'> {
  /** Nothing: ICE-lite. */
  readonly gather: Gather | undefined
}

/** A viewer. */
export class Viewer extends PeerBase implements PullPeer {
  readonly action = 'pull'
  readonly #fullIce: boolean
  #media: MediaKinds

  constructor(home: PeerHome, id: string, streamName: string, options: ViewerOptions) {
    super(home, id, streamName, options.gather)
    this.#fullIce = options.gather !== undefined
    this.#media = options.media ?? {}
  }

  setMedia(media: MediaKinds): void {
    mediaKinds('setMedia', media)
    this.#media = { ...media }
    this.offerIsStale()
  }

  async setLayer(wish: LayerWish = {}): Promise<void> {
    known('setLayer', wish, ['maxHeight', 'maxWidth', 'rid'])
    const { rid, maxWidth, maxHeight } = wish
    if (rid !== undefined && !/^[!-~]{1,32}$/.test(text('rid', rid)))
      throw invalid('a rid has 1 to 32 visible characters')
    integer('maxWidth', maxWidth, [1, MAX_PIXELS])
    integer('maxHeight', maxHeight, [1, MAX_PIXELS])
    const { native, number } = this.negotiated('setLayer')
    await native.setLayer(number, {
      ...(rid === undefined ? {} : { rid }),
      ...(maxWidth === undefined ? {} : { maxWidth }),
      ...(maxHeight === undefined ? {} : { maxHeight }),
    })
  }

  protected override open(native: NativeServer, offer: string | undefined, gathering: Gathering): OpenedPeer {
    const options: BindingPullOptions = { ...this.#media, fullIce: this.#fullIce, ...gathering }
    return native.pull(this.streamName, offer === undefined ? options : { ...options, offer })
  }

  protected override offered(): MediaKinds {
    return this.#media
  }
}
