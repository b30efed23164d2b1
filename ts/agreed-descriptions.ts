// What both sides of a peer agreed on, as its descriptions tell it. They are read while a peer is made and hardly ever
// after, but thousands of peers have them: once it is connected they lie outside of V8's heap, which takes two to three
// times what lives in it.

import type { SessionDescription } from '../index.d.ts'

/** Both descriptions of an agreement. */
export class AgreedDescriptions {
  readonly #localType: SessionDescription['type']
  #texts: { readonly local: SessionDescription; readonly remote: SessionDescription } | undefined
  /** The local text and the remote one behind it. */
  #stored: Buffer | undefined
  #localBytes = 0

  constructor(local: SessionDescription, remote: SessionDescription) {
    this.#localType = local.type
    this.#texts = { local, remote }
  }

  get local(): SessionDescription {
    return this.#texts?.local ?? { type: this.#localType, sdp: this.#text(0, this.#localBytes) }
  }

  get remote(): SessionDescription {
    const type = this.#localType === 'offer' ? 'answer' : 'offer'
    return this.#texts?.remote ?? { type, sdp: this.#text(this.#localBytes) }
  }

  /** Puts the texts away. */
  store(): void {
    if (this.#texts === undefined) return
    const { local, remote } = this.#texts
    this.#stored = Buffer.from(local.sdp + remote.sdp)
    this.#localBytes = Buffer.byteLength(local.sdp)
    this.#texts = undefined
  }

  #text(begin: number, end?: number): string {
    return this.#stored?.toString('utf8', begin, end) ?? ''
  }
}
