// The body of a `text/event-stream` response (HTML standard, §9.2.6): events as they come about, for one reader.

import { Readable } from 'node:stream'

// Proxies close connections that are silent for a while; a comment is no event (HTML standard, §9.2.7).
const KEEP_ALIVE_MS = 15_000

// How often in a row a keep-alive finds that nothing of the one before was taken until the reader is given up.
const MOST_STALLS = 4

/**
 * What a reader has not taken yet is bounded: of each slot only the newest text is kept, because an event tells what is
 * and not what changed.
 */
export class EventBody extends Readable {
  readonly #waiting = new Map<string, string>()
  readonly #keepAlive: NodeJS.Timeout
  #isWanted = false
  #stalls = 0

  constructor() {
    super({ highWaterMark: 1024 })
    // The first bytes make frameworks send the headers.
    this.#waiting.set('', ':\n\n')
    this.#keepAlive = setInterval(() => this.#beat(), KEEP_ALIVE_MS).unref()
  }

  /** Writes an event; it takes the place of one in the same slot that still waits. */
  send(slot: string, event: string, data: string): void {
    this.#put(slot, `event: ${event}\ndata: ${data}\n\n`)
  }

  /** Ends the body; a reader that does not read is cut off. */
  finish(): void {
    clearInterval(this.#keepAlive)
    if (!this.#isWanted) return void this.destroy()
    this.#isWanted = false
    this.push(null)
  }

  override _read(): void {
    this.#isWanted = true
    this.#stalls = 0
    this.#flush()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearInterval(this.#keepAlive)
    this.#waiting.clear()
    done(error)
  }

  #beat(): void {
    if (!this.#isWanted) {
      this.#stalls += 1
      if (this.#stalls >= MOST_STALLS) this.destroy()
    }
    this.#put('', ':\n\n')
  }

  #put(slot: string, text: string): void {
    if (this.destroyed || this.readableEnded) return
    this.#waiting.delete(slot)
    this.#waiting.set(slot, text)
    this.#flush()
  }

  #flush(): void {
    for (const [slot, text] of this.#waiting) {
      if (!this.#isWanted) return
      this.#waiting.delete(slot)
      this.#isWanted = this.push(text)
    }
  }
}
