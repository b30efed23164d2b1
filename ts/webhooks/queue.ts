// Messages on their way: in order within a lane, side by side between lanes, tried again for a while, and never more
// than a limit.

import { backoffMs } from '../retry.ts'

/** What became of one attempt: it arrived, it is not wanted, or it may be tried again. */
export type Attempt = 'delivered' | 'refused' | { readonly retryAfterMs: number | undefined }

/** How a queue behaves. Times are milliseconds. */
export interface QueueSettings {
  /** Messages that wait or are under way. */
  readonly maxQueued: number
  /** The first wait after a failure, and the longest. */
  readonly retryMinMs: number
  readonly retryMaxMs: number
  /** How old a message may become. */
  readonly giveUpAfterMs: number
  /** Attempts under way at once. */
  readonly concurrency: number
}

/** What a queue has done. All but `queued` only grow. */
export interface QueueCounters {
  queued: number
  delivered: number
  retried: number
  refused: number
  abandoned: number
  dropped: number
}

interface Entry<Message> {
  readonly message: Message
  readonly since: number
  failures: number
}

interface Lane<Message> {
  readonly name: string
  readonly entries: Entry<Message>[]
  timer?: NodeJS.Timeout
}

// While the queue is flushed nobody waits long.
const FLUSHING_RETRY_MS = 250

/** The queue of one receiver. */
export class DeliveryQueue<Message> {
  readonly counters: QueueCounters = { queued: 0, delivered: 0, retried: 0, refused: 0, abandoned: 0, dropped: 0 }
  readonly #settings: QueueSettings
  readonly #attempt: (message: Message, signal: AbortSignal) => Promise<Attempt>
  readonly #lanes = new Map<string, Lane<Message>>()
  readonly #ready: Lane<Message>[] = []
  readonly #aborter = new AbortController()
  #underWay = 0
  #closing: Promise<void> | undefined
  #emptied: () => void = () => undefined

  /** `attempt` delivers one message, once; it never rejects. */
  constructor(settings: QueueSettings, attempt: (message: Message, signal: AbortSignal) => Promise<Attempt>) {
    this.#settings = settings
    this.#attempt = attempt
  }

  /** Takes a message behind all others of its lane; drops it when the queue is full or closed. */
  add(laneName: string, message: Message): void {
    if (this.#closing !== undefined || this.counters.queued >= this.#settings.maxQueued) {
      this.counters.dropped += 1
      return
    }
    this.counters.queued += 1
    const entry = { message, since: performance.now(), failures: 0 }
    const lane = this.#lanes.get(laneName)
    if (lane !== undefined) {
      lane.entries.push(entry)
      return
    }
    const opened = { name: laneName, entries: [entry] }
    this.#lanes.set(laneName, opened)
    this.#proceed(opened)
  }

  /** Takes nothing more, and tries for so long to deliver what there is. */
  close(flushMs: number): Promise<void> {
    this.#closing ??= this.#flush(flushMs)
    return this.#closing
  }

  async #flush(flushMs: number): Promise<void> {
    if (this.counters.queued > 0) {
      const empty = new Promise<void>((resolve) => (this.#emptied = resolve))
      for (const lane of this.#lanes.values()) if (lane.timer !== undefined) this.#wake(lane)
      const deadline = setTimeout(() => this.#emptied(), flushMs)
      await empty
      clearTimeout(deadline)
    }
    this.#aborter.abort()
    for (const lane of this.#lanes.values()) clearTimeout(lane.timer)
    this.counters.dropped += this.counters.queued
    this.counters.queued = 0
    this.#lanes.clear()
    this.#ready.length = 0
  }

  #proceed(lane: Lane<Message>): void {
    this.#ready.push(lane)
    while (this.#underWay < this.#settings.concurrency) {
      const next = this.#ready.shift()
      if (next === undefined) return
      void this.#run(next)
    }
  }

  async #run(lane: Lane<Message>): Promise<void> {
    const [entry] = lane.entries
    if (entry === undefined) return
    this.#underWay += 1
    const outcome = await this.#attempt(entry.message, this.#aborter.signal)
    this.#underWay -= 1
    if (this.#aborter.signal.aborted) return
    if (typeof outcome === 'object' && this.#retryLater(lane, entry, outcome.retryAfterMs)) return this.#next()
    this.counters[typeof outcome === 'object' ? 'abandoned' : outcome] += 1
    this.counters.queued -= 1
    lane.entries.shift()
    if (lane.entries.length > 0) return this.#proceed(lane)
    this.#lanes.delete(lane.name)
    if (this.counters.queued === 0) this.#emptied()
    this.#next()
  }

  #next(): void {
    const next = this.#ready.shift()
    if (next !== undefined) void this.#run(next)
  }

  #retryLater(lane: Lane<Message>, entry: Entry<Message>, asked: number | undefined): boolean {
    const { retryMinMs, retryMaxMs, giveUpAfterMs } = this.#settings
    entry.failures += 1
    const own = Math.max(asked ?? 0, backoffMs(entry.failures, [retryMinMs, retryMaxMs]))
    const delay = this.#closing === undefined ? own : Math.min(own, FLUSHING_RETRY_MS)
    if (performance.now() - entry.since + delay > giveUpAfterMs) return false
    this.counters.retried += 1
    // A server keeps the process alive as long as it runs; what it still has to say does not.
    lane.timer = setTimeout(() => this.#wake(lane), delay).unref()
    return true
  }

  #wake(lane: Lane<Message>): void {
    clearTimeout(lane.timer)
    delete lane.timer
    this.#proceed(lane)
  }
}
