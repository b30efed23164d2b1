// When something that failed is tried again.

// Nobody is kept waiting longer by another server's word.
const LONGEST_RETRY_AFTER_MS = 3_600_000

/** How long to wait after so many failures in a row: exponential from least to most, the upper half left to chance. */
export function backoffMs(failures: number, [least, most]: readonly [number, number]): number {
  const full = Math.min(most, least * 2 ** Math.min(failures - 1, 30))
  return Math.round((full * (1 + Math.random())) / 2)
}

/** Reads `Retry-After`, which is seconds or a date (RFC 9110 §10.2.3). */
export function retryAfterMs(value: string | undefined, now = Date.now()): number | undefined {
  const delay = /^\s*\d+\s*$/.test(value ?? '') ? Number(value) * 1_000 : Date.parse(value ?? '') - now
  return Number.isNaN(delay) ? undefined : Math.min(Math.max(delay, 0), LONGEST_RETRY_AFTER_MS)
}
