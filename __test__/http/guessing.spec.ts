// Somebody who guesses the names of sessions finds none, whatever a guess has in common with one.

import test from 'ava'
import { fragment, offerOf, open, patch, startSite } from '../harness.ts'

const PUBLISH = offerOf('chromium-publish-vp8')

test('guessed names of sessions are unknown, and the session that is there notices nothing', async (t) => {
  const { url, signaling } = await startSite(t, { rateLimit: false })
  const { session, etag } = await open(`${url}/whip/lobby`, PUBLISH)
  const at = session.lastIndexOf('/') + 1
  const [before, id] = [session.slice(0, at), session.slice(at)]
  const guesses = [
    ...Array.from(id, (character, index) => id.slice(0, index) + (character === 'A' ? 'B' : 'A') + id.slice(index + 1)),
    ...Array.from({ length: 1_000 }, (_, number) => id.slice(0, -4) + number.toString(36).padStart(4, '0')),
    id.slice(0, -1),
    `${id}A`,
    id.toLowerCase(),
    id.slice(id.indexOf('.') + 1),
    `${id}%00`,
    '..%2F..%2Fwhip%2Flobby',
    '*',
  ].filter((guess) => guess !== id)
  const seen = new Set<number>()
  for (const guess of guesses) {
    for (const method of ['PATCH', 'DELETE', 'GET']) {
      const body = method === 'PATCH' ? { body: fragment(PUBLISH) } : {}
      const headers = { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': etag }
      const response = await fetch(before + guess, { method, headers, redirect: 'manual', ...body })
      seen.add(response.status)
      await response.body?.cancel()
    }
  }
  t.deepEqual([...seen], [404])
  t.is(signaling.sessionCount, 1)
  t.is((await patch(session, fragment(PUBLISH), { 'If-Match': etag })).status, 204)
})

test('who guesses is slowed down by default', async (t) => {
  const { url, signaling } = await startSite(t)
  const { session } = await open(`${url}/whip/lobby`, PUBLISH)
  const guess = async (): Promise<number> => {
    const response = await fetch(`${session.slice(0, -4)}${Math.random().toString(36).slice(2, 6)}`, {
      method: 'DELETE',
    })
    await response.body?.cancel()
    return response.status
  }
  // ava's timeout ends what waits in vain.
  while ((await guess()) !== 429);
  t.is(signaling.sessionCount, 1)
})
