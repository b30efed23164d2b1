// Webhooks as the app holds them: the events of a server, sent to one URL.

import type { Agent } from 'undici'
import type { Logger, MediaServer, WebhookCounters, WebhookEvent, Webhooks, WebhooksOptions } from '../../index.d.ts'
import { integer, invalid, known, text } from '../options.ts'
import type { Message, Receiver } from './delivery.ts'
import { deliver, messageOf, readSecret } from './delivery.ts'
import { watch } from './event-messages.ts'
import type { QueueSettings } from './queue.ts'
import { DeliveryQueue } from './queue.ts'

/** The options with every default set. */
interface WebhookSettings extends QueueSettings {
  readonly url: URL
  readonly key: Buffer
  readonly events: ReadonlySet<WebhookEvent['type']>
  readonly timeoutMs: number
  readonly flushMs: number
}

const EVENTS: readonly WebhookEvent['type'][] = [
  ...(['stream.added', 'stream.live', 'stream.waiting', 'stream.removed'] as const),
  ...(['peer.added', 'peer.connected', 'peer.removed'] as const),
]

// Streams whose messages are under way side by side; each has one connection.
const CONCURRENCY = 8

/** Sends a server's events. */
export class ServerWebhooks implements Webhooks {
  readonly #settings: WebhookSettings
  readonly #queue: DeliveryQueue<Message>
  readonly #unwatch: () => void
  readonly #onClosed: () => void
  #agent: Promise<{ readonly agent: Agent; readonly request: typeof import('undici').request }> | undefined
  #closing: Promise<void> | undefined

  constructor(
    server: MediaServer,
    options: WebhooksOptions,
    { logger, closed }: { readonly logger: Logger | undefined; readonly closed: () => void },
  ) {
    this.#settings = webhookSettings(options)
    this.#onClosed = closed
    const { url, key, timeoutMs, events } = this.#settings
    const receiver: Receiver = {
      url,
      key,
      timeoutMs,
      agent: () => (this.#agent ??= this.#connect()),
      // The path and the query may hold a secret of the receiver's.
      failed: (fields) => logger?.warn({ ...fields, origin: url.origin }, 'webhook failed'),
    }
    this.#queue = new DeliveryQueue(this.#settings, (message, signal) => deliver(receiver, message, signal))
    this.#unwatch = watch(server, events, (lane, { type, data }) => this.#queue.add(lane, messageOf(type, data)))
  }

  get counters(): WebhookCounters {
    return { ...this.#queue.counters }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#unwatch()
    await this.#queue.close(this.#settings.flushMs)
    await this.#agent?.then(({ agent }) => agent.destroy())
    this.#onClosed()
  }

  async #connect(): Promise<{ readonly agent: Agent; readonly request: typeof import('undici').request }> {
    const { Agent, request } = await import('undici')
    const { timeoutMs } = this.#settings
    return { agent: new Agent({ connections: CONCURRENCY, connect: { timeout: timeoutMs } }), request }
  }
}

function webhookSettings(options: WebhooksOptions): WebhookSettings {
  known('webhooks', options, OPTIONS)
  const { events = EVENTS } = options
  if (!Array.isArray(events) || events.length === 0) throw invalid('events is a list of one or more webhook events')
  const stranger = events.find((type) => !EVENTS.includes(type))
  if (stranger !== undefined) throw invalid(`there is no webhook event ${stranger}`)
  return {
    url: webhookUrl(options.url),
    key: readSecret(text('secret', options.secret)),
    events: new Set(events),
    concurrency: CONCURRENCY,
    timeoutMs: integer('timeoutMs', options.timeoutMs, [100, 60_000]) ?? 10_000,
    retryMinMs: integer('retryMinMs', options.retryMinMs, [1, 3_600_000]) ?? 500,
    retryMaxMs: integer('retryMaxMs', options.retryMaxMs, [1, 3_600_000]) ?? 60_000,
    giveUpAfterMs: integer('giveUpAfterMs', options.giveUpAfterMs, [0, 86_400_000]) ?? 300_000,
    maxQueued: integer('maxQueued', options.maxQueued, [1, 1_000_000]) ?? 10_000,
    flushMs: integer('flushMs', options.flushMs, [0, 600_000]) ?? 5_000,
  }
}

const OPTIONS = [
  ...['events', 'flushMs', 'giveUpAfterMs', 'maxQueued'],
  ...['retryMaxMs', 'retryMinMs', 'secret', 'timeoutMs', 'url'],
]

/** Where webhooks are sent. */
export function webhookUrl(url: unknown): URL {
  const written = String(url)
  if (!URL.canParse(written) || !/^https?:$/.test(new URL(written).protocol)) {
    throw invalid('the url of webhooks is an http or https URL')
  }
  const parsed = new URL(written)
  // undici would ignore them.
  if (parsed.username !== '' || parsed.password !== '')
    throw invalid('the url of webhooks has no user name: sign by secret')
  return parsed
}
