// One request to the XRTC routes while it is served: what its log line will say, and its reply.

import type { SessionDescription } from '../../../index.d.ts'
import type { HttpRequest, HttpResponse } from '../message.ts'
import type { ErrNo, Refusal } from './err-no.ts'
import { XrtcErrNo } from './err-no.ts'
import type { Parameters } from './parameters.ts'
import type { SessionKey } from './session-table.ts'

/** What a reply carries beside its number: the server's offer. */
export type ReplyData = SessionDescription & { readonly iceServers?: readonly object[] }

/** A request under way. */
export class Call {
  readonly request: HttpRequest
  readonly #stepsMs: Record<string, number> = {}
  #uid: bigint | undefined
  #stream: string | undefined
  #since = performance.now()

  constructor(request: HttpRequest) {
    this.request = request
  }

  /** A step is done; the time since the one before it goes under this name. */
  done(step: string): void {
    const now = performance.now()
    this.#stepsMs[step] = tenths(now - this.#since)
    this.#since = now
  }

  /** Whom and what the request is about; the log line has of it what could be read. */
  about(parameters: Parameters): Pick<SessionKey, 'uid' | 'stream'> {
    const uid = (this.#uid = parameters.uid())
    const stream = (this.#stream = parameters.streamName())
    return { uid, stream }
  }

  /** The reply of an action that succeeded. */
  reply(data: ReplyData | Record<string, never> = {}, undelivered?: () => void): HttpResponse {
    const response = this.#respond(XrtcErrNo.success, 'success', { data })
    return undelivered === undefined ? response : { ...response, undelivered }
  }

  /** The reply of one that did not. */
  refuse({ errNo, message, status, headers }: Refusal): HttpResponse {
    const response = this.#respond(errNo, message, {})
    return { ...response, status, headers: [...response.headers, ...headers] }
  }

  // Some of the course's clients read `errNo` and `errMsg`, some `code` and `msg`.
  #respond(errNo: ErrNo, errMsg: string, rest: object): HttpResponse {
    const uid = this.#uid === undefined ? undefined : String(this.#uid)
    return {
      status: 200,
      headers: [
        ['Content-Type', 'application/json'],
        ['Cache-Control', 'no-store'],
      ],
      body: JSON.stringify({ errNo, errMsg, code: errNo, msg: errMsg, ...rest }),
      log: { uid, stream: this.#stream, errNo, errMsg, stepsMs: this.#stepsMs },
    }
  }
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10
}
