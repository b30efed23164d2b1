// The parameters of the XRTC routes: from a form in the body, or from the query; the form goes first.

import { XrtcError } from '../../errors.ts'
import { parseStreamName } from '../../stream-name.ts'
import type { HttpRequest } from '../message.ts'
import { mediaType } from '../message.ts'
import { Refusal, XrtcErrNo } from './err-no.ts'

/** The media type of forms. */
export const FORM = 'application/x-www-form-urlencoded'

// A 64-bit number of the C++ side; a JavaScript number would lose its last digits.
const MOST_UID = 2n ** 64n - 1n

/** The parameters of one request. */
export class Parameters {
  readonly #form: URLSearchParams
  readonly #query: URLSearchParams

  private constructor(form: URLSearchParams, query: URLSearchParams) {
    this.#form = form
    this.#query = query
  }

  /** Reads the body. Rejects with a `BodyError`, or with a `Refusal` where the body is no form. */
  static async read(request: HttpRequest, maxBytes: number): Promise<Parameters> {
    const type = mediaType(request)
    const body = await request.body(maxBytes)
    if (body !== '' && type !== '' && type !== FORM) {
      const message = `parameters are in a body of the type ${FORM}, or in the query`
      throw new Refusal(XrtcErrNo.unsupportedMediaType, message, 415, [['Accept-Post', FORM]])
    }
    return new Parameters(new URLSearchParams(body), request.query)
  }

  /** The text of that name; empty where there is none. */
  text(name: string): string {
    return this.#form.get(name) ?? this.#query.get(name) ?? ''
  }

  /** On is any text but `0`. */
  flag(name: string): boolean {
    const text = this.text(name)
    return text !== '' && text !== '0'
  }

  /** Who asks. */
  uid(): bigint {
    const text = this.text('uid')
    const uid = /^\d{1,20}$/.test(text) ? BigInt(text) : 0n
    if (uid > 0n && uid <= MOST_UID) return uid
    throw invalid(`uid is an integer from 1 to ${MOST_UID}`)
  }

  /** Which stream it is about. */
  streamName(): string {
    try {
      return parseStreamName(this.text('streamName'))
    } catch (error) {
      throw error instanceof XrtcError ? invalid(`streamName: ${error.message}`) : error
    }
  }

  /** What an offer shall have. */
  media(): { readonly audio: boolean; readonly video: boolean } {
    if (this.text('isDtls') === '0') {
      throw new Refusal(XrtcErrNo.dtlsRequired, 'isDtls=0 is not served: media goes encrypted by DTLS-SRTP only')
    }
    const media = { audio: this.flag('audio'), video: this.flag('video') }
    if (media.audio || media.video) return media
    throw invalid('audio and video are both off: at least one of them is 1')
  }

  /** Whose answer it is. */
  type(): 'push' | 'pull' {
    const type = this.text('type')
    if (type === 'push' || type === 'pull') return type
    throw invalid('type is push or pull')
  }

  /** The description that answers the server's offer. */
  answer(): string {
    const answer = this.text('answer')
    if (answer.trim() === '') throw invalid('answer is the session description that answers the offer')
    return answer
  }
}

function invalid(message: string): Refusal {
  return new Refusal(XrtcErrNo.invalidParameter, message)
}
