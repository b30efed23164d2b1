// The signaling as the app holds it: the core behind the adapters.

import type { Signaling } from '../../index.d.ts'
import type { ClientAddress } from './client-address.ts'
import { fastifyPlugin } from './fastify.ts'
import { fetchHandler } from './fetch.ts'
import type { Adapted, HttpRequest, HttpResponse } from './message.ts'
import { nodeListener } from './node-listener.ts'
import { routePatterns } from './route.ts'
import type { SignalingHooks, SignalingServer, SignalingSettings } from './signaling.ts'
import { SignalingCore } from './signaling.ts'

/** What the server wants to know beside what the core tells. */
export interface HttpSignalingHooks extends SignalingHooks {
  /** A request was answered; the fields are for the log. Nothing where there is no log. */
  readonly served: ((fields: object, level: 'debug' | 'info') => void) | undefined
  readonly closed: () => void
}

/** HTTP signaling. */
export class HttpSignaling implements Signaling {
  readonly listener: Signaling['listener']
  readonly fetch: Signaling['fetch']
  readonly fastify: Signaling['fastify']
  readonly #core: SignalingCore
  readonly #hooks: HttpSignalingHooks
  readonly #clientAddress: ClientAddress
  readonly #publicUrl: string | undefined
  #closing: Promise<void> | undefined

  constructor(server: SignalingServer, settings: SignalingSettings, hooks: HttpSignalingHooks) {
    this.#core = new SignalingCore(server, settings, hooks)
    this.#hooks = hooks
    this.#clientAddress = settings.trustProxy
    this.#publicUrl = settings.publicUrl
    const { requestTimeoutMs } = settings
    const serve = (request: HttpRequest, mayPass: boolean): Promise<HttpResponse | undefined> =>
      this.#serve(request, mayPass)
    const adapted: Adapted = { serve: serve as Adapted['serve'], failed: hooks.failed, requestTimeoutMs }
    this.listener = nodeListener(adapted)
    this.fetch = fetchHandler(adapted)
    this.fastify = fastifyPlugin(adapted, routePatterns(settings))
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

  async #serve(request: HttpRequest, mayPass: boolean): Promise<HttpResponse | undefined> {
    const { served } = this.#hooks
    const begin = served === undefined ? 0 : performance.now()
    const remoteAddress = this.#clientAddress(request)
    const mount = this.#publicUrl ?? request.mount
    const isSame = remoteAddress === request.remoteAddress && mount === request.mount
    const seen = isSame ? request : { ...request, remoteAddress, mount }
    const response = await this.#core.handle(seen)
    if (response === undefined && mayPass) return undefined
    const answer = await this.#core.presented(response ?? this.#core.notFound(seen), seen)
    if (served !== undefined) {
      const fields = { ...logFields(seen, answer.status, performance.now() - begin), ...answer.log }
      served(fields, answer.log === undefined ? 'debug' : 'info')
    }
    return answer
  }
}

// The query is left out: it may hold a token. So is a session's path, which is as good as one.
function logFields({ method, path, remoteAddress }: HttpRequest, status: number, durationMs: number): object {
  const shown = path.replace(/(-session\/).{4,}$/, '$1…')
  return { method, path: shown, status, durationMs: Math.round(durationMs * 10) / 10, remoteAddress }
}
