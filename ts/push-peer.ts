import type { MediaKinds, PushOptions, PushPeer } from '../index.d.ts'
import type { BindingPushOptions } from './binding.d.ts'
import type { NativeServer, OpenedPeer } from './native.ts'
import type { PeerHome } from './peer.ts'
import { PeerBase } from './peer.ts'

/** A publisher. */
export class Publisher extends PeerBase implements PushPeer {
  readonly action = 'push'
  readonly identity: string | undefined
  readonly #options: BindingPushOptions

  constructor(home: PeerHome, id: string, streamName: string, options: PushOptions) {
    super(home, id, streamName)
    const { identity, replace = false, media, ice } = options
    this.identity = identity
    this.#options = { replace, ...media, fullIce: ice === 'full', ...(identity === undefined ? {} : { identity }) }
  }

  protected override open(native: NativeServer, offer: string | undefined): OpenedPeer {
    return native.push(this.streamName, offer === undefined ? this.#options : { ...this.#options, offer })
  }

  protected override offered(): MediaKinds {
    return {}
  }
}
