// How long a session may last: what `authorize` said when it was opened, or in its latest request.

import type { SessionPeer } from '../kept-peer.ts'

type Mortal = Pick<SessionPeer, 'closed' | 'expire' | 'onEnd'>

/** What the peer's `closed` event tells as `detail` beside the reason `expired`. */
export const EXPIRED = 'the permission expired'

const timers = new WeakMap<Mortal, NodeJS.Timeout>()

// A longer delay would fire at once (Node.js, `setTimeout`).
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Closes the peer when the time is over. Called again it counts anew; without a time nothing changes. */
export function limitLifetime(peer: Mortal, expiresInMs: number | undefined): void {
  if (expiresInMs === undefined || peer.closed) return
  if (timers.has(peer)) clearTimeout(timers.get(peer))
  else peer.onEnd(() => clearTimeout(timers.get(peer)))
  arm(peer, performance.now() + expiresInMs)
}

function arm(peer: Mortal, deadline: number): void {
  const remaining = deadline - performance.now()
  const ring = (): void => {
    if (remaining > LONGEST_TIMER_MS) arm(peer, deadline)
    else peer.expire(EXPIRED)
  }
  // It keeps no process alive: the server does while it runs.
  timers.set(peer, setTimeout(ring, Math.min(remaining, LONGEST_TIMER_MS)).unref())
}
