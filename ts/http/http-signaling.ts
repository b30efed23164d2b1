// The signaling as the app holds it: the core behind the adapters.

import type { ServerResponse } from 'node:http'
import type { MediaServer, Signaling } from '../../index.d.ts'
import type { HttpRequest } from './message.ts'
import { readRequest, writeResponse } from './node-listener.ts'
import { problem } from './problem.ts'
import type { SignalingHooks, SignalingSettings } from './signaling.ts'
import { SignalingCore } from './signaling.ts'

type Next = NonNullable<Parameters<Signaling['listener']>[2]>

/** What the server wants to know beside what the core tells. */
export interface HttpSignalingHooks extends SignalingHooks {
  /** A request was answered; the fields are for the log. */
  readonly served: (fields: object) => void
  readonly closed: () => void
}

/** HTTP signaling. */
export class HttpSignaling implements Signaling {
  readonly listener: Signaling['listener']
  readonly #core: SignalingCore
  readonly #hooks: HttpSignalingHooks
  #closing: Promise<void> | undefined

  constructor(server: MediaServer, settings: SignalingSettings, hooks: HttpSignalingHooks) {
    this.#core = new SignalingCore(server, settings, hooks)
    this.#hooks = hooks
    this.listener = (incoming, outgoing, next) => {
      const request = readRequest(incoming, settings.requestTimeoutMs)
      this.#answer(request, outgoing, next).catch((error: unknown) => {
        this.#hooks.failed(error, request)
        outgoing.destroy()
      })
    }
  }

  get sessionCount(): number {
    return this.#core.sessionCount
  }

  drain(): Promise<void> {
    return this.#core.drain()
  }

  close(): Promise<void> {
    this.#closing ??= this.#core.close().finally(this.#hooks.closed)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #answer(request: HttpRequest, outgoing: ServerResponse, next: Next | undefined): Promise<void> {
    const begin = performance.now()
    const response = await this.#core.handle(request)
    if (response === undefined && next !== undefined) return next()
    const answer = response ?? problem(404, { detail: 'there is nothing here' })
    writeResponse(outgoing, answer, request.method)
    this.#hooks.served(logFields(request, answer.status, performance.now() - begin))
  }
}

// The query is left out: it may hold a token. So is a session's path, which is as good as one.
function logFields({ method, path, remoteAddress }: HttpRequest, status: number, durationMs: number): object {
  const shown = path.replace(/(-session\/).{4,}$/, '$1…')
  return { method, path: shown, status, durationMs: Math.round(durationMs * 10) / 10, remoteAddress }
}
