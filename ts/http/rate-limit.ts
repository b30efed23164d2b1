// Token buckets for the requests that cost the server something (RFC 9725 §5): one for each remote address and one for
// each bearer token. What is remembered has a bound, so that the guard itself cannot be made to grow.

import { createHash } from 'node:crypto'
import type { RateLimit, RateLimitOptions, SignalingRequest } from '../../index.d.ts'

/** The defaults of `rateLimit`: far above what a crowd behind one address does, far below what hurts. */
export const RATE_LIMIT_DEFAULTS = {
  perAddress: { perSecond: 100, burst: 1_000 },
  perToken: { perSecond: 100, burst: 1_000 },
  remembered: 10_000,
} as const satisfies Required<RateLimitOptions>

/** Counts requests against the limits of their address and their token. */
export class RateLimiter {
  readonly #addresses: BucketTable | undefined
  readonly #tokens: BucketTable | undefined

  constructor({ perAddress, perToken, remembered }: Required<RateLimitOptions>) {
    this.#addresses = perAddress === false ? undefined : new BucketTable(perAddress, remembered)
    this.#tokens = perToken === false ? undefined : new BucketTable(perToken, remembered)
  }

  /** Lets a request in, or gives the seconds after which one will be let in again. A refused request costs nothing. */
  take({ remoteAddress, token }: SignalingRequest): number | undefined {
    const now = performance.now()
    const buckets = [
      remoteAddress === undefined ? undefined : this.#addresses?.bucket(networkOf(remoteAddress), now),
      token === undefined ? undefined : this.#tokens?.bucket(digestOf(token), now),
    ].filter((bucket) => bucket !== undefined)
    const waitMs = Math.max(0, ...buckets.map((bucket) => bucket.waitMs))
    if (waitMs > 0) return Math.ceil(waitMs / 1_000)
    for (const bucket of buckets) bucket.take()
    return undefined
  }
}

class Bucket {
  readonly #limit: RateLimit
  #tokens: number
  #filledAt: number

  constructor(limit: RateLimit, now: number) {
    this.#limit = limit
    this.#tokens = limit.burst
    this.#filledAt = now
  }

  /** How long it takes until there is a token. */
  get waitMs(): number {
    return this.#tokens >= 1 ? 0 : ((1 - this.#tokens) / this.#limit.perSecond) * 1_000
  }

  fill(now: number): void {
    const { perSecond, burst } = this.#limit
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filledAt) / 1_000) * perSecond)
    this.#filledAt = now
  }

  take(): void {
    this.#tokens -= 1
  }
}

class BucketTable {
  readonly #limit: RateLimit
  readonly #remembered: number
  // In the order of their last use. The first one to be forgotten is the most likely to be full again, and a full bucket
  // is as good as none.
  readonly #buckets = new Map<string, Bucket>()

  constructor(limit: RateLimit, remembered: number) {
    this.#limit = limit
    this.#remembered = remembered
  }

  /** The bucket of that name, filled up to now. */
  bucket(name: string, now: number): Bucket {
    const bucket = this.#buckets.get(name) ?? new Bucket(this.#limit, now)
    this.#buckets.delete(name)
    this.#buckets.set(name, bucket)
    if (this.#buckets.size > this.#remembered) this.#forgetOldest()
    bucket.fill(now)
    return bucket
  }

  #forgetOldest(): void {
    for (const oldest of this.#buckets.keys()) {
      this.#buckets.delete(oldest)
      return
    }
  }
}

/** What stands for a remote host: its IPv4 address, or the /64 network of its IPv6 address, all of which it may use. */
function networkOf(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1]
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address
  const [plain = ''] = address.split('%', 1)
  const [head = [], tail = []] = plain.split('::').map((half) => (half === '' ? [] : half.split(':')))
  const zeros = Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0')
  return [...head, ...zeros, ...tail]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, '').toLowerCase())
    .join(':')
}

// Tokens can be long and are secrets: neither is kept.
function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('base64')
}
