import type { MediaKinds, PushOptions, PushPeer } from '../index.d.ts'
import type { BindingPushOptions } from './binding.d.ts'
import type { Gather, Gathering } from './gathering.ts'
import type { NativeServer, OpenedPeer } from './native.ts'
import type { PeerHome } from './peer.ts'
import { PeerBase } from './peer.ts'

/** What one is made with. */
export interface PublisherOptions extends Pick<PushOptions, 'identity' | 'media' | 'replace'> {
  /** Nothing: ICE-lite. */
  readonly gather: Gather | undefined
}

/** A publisher. */
export class Publisher extends PeerBase implements PushPeer {
  readonly action = 'push'
  readonly identity: string | undefined
  readonly #options: BindingPushOptions

  constructor(home: PeerHome, id: string, streamName: string, options: PublisherOptions) {
    super(home, id, streamName, options.gather)
    const { identity, replace = false, media } = options
    this.identity = identity
    const fullIce = options.gather !== undefined
    this.#options = { replace, ...media, fullIce, ...(identity === undefined ? {} : { identity }) }
  }

  protected override open(native: NativeServer, offer: string | undefined, gathering: Gathering): OpenedPeer {
    const options = { ...this.#options, ...gathering }
    return native.push(this.streamName, offer === undefined ? options : { ...options, offer })
  }

  protected override offered(): MediaKinds {
    return {}
  }
}
