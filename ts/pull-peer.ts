import type { PullOptions, PullPeer } from '../index.d.ts'
import type { BindingPullOptions } from './binding.d.ts'
import type { NativeServer, OpenedPeer } from './native.ts'
import type { PeerHome } from './peer.ts'
import { PeerBase } from './peer.ts'

/** A viewer. */
export class Viewer extends PeerBase implements PullPeer {
  readonly action = 'pull'
  readonly #options: BindingPullOptions

  constructor(home: PeerHome, id: string, streamName: string, options: PullOptions) {
    super(home, id, streamName)
    this.#options = { ...options.media, fullIce: options.ice === 'full' }
  }

  protected override open(native: NativeServer, offer: string | undefined): OpenedPeer {
    return native.pull(this.streamName, offer === undefined ? this.#options : { ...this.#options, offer })
  }
}
