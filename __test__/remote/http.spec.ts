// What other servers may answer, and who may see the token.

import { once } from 'node:events'
import test from 'ava'
import { RemoteError } from 'xrtc'
import type { RemoteStream } from 'xrtc'
import { startServer, until } from '../harness.ts'
import { startFar } from './far.ts'
import { startForeign } from './foreign.ts'

type StateChange = { readonly state: string; readonly reason: string | undefined; readonly nextAttemptAt?: Date }

/** The first event with which it waits. */
async function waits(remote: RemoteStream): Promise<StateChange> {
  for (;;) {
    const [event] = (await once(remote, 'statechange')) as [StateChange]
    if (event.state === 'waiting') return event
  }
}

for (const [status, code] of [
  [401, 'XRTC_REMOTE_UNAUTHORIZED'],
  [403, 'XRTC_REMOTE_FORBIDDEN'],
  [400, 'XRTC_REMOTE_REFUSED'],
  [422, 'XRTC_REMOTE_REFUSED'],
] as const) {
  test(`${status} closes it with ${code}`, async (t) => {
    const far = await startFar(t, () => ({
      status,
      headers: { 'Content-Type': 'application/problem+json' },
      body: JSON.stringify({ detail: 'not for you' }),
    }))
    const server = await startServer(t)
    const idle = await server.held()
    const remote = server.pullFrom(`${far.url}/whep/x`, 'lobby')
    const error = await t.throwsAsync(remote.connected(), { instanceOf: RemoteError, code })
    t.is((error as RemoteError).details['status'], String(status))
    t.regex(String(error?.message), /not for you/)
    t.is(remote.closeReason, code)
    t.is(far.asked.length, 1)
    t.deepEqual(await server.held(), idle)
    t.deepEqual(server.remoteStreams(), [])
  })
}

for (const status of [404, 409, 429, 500, 503]) {
  test(`${status} is tried again`, async (t) => {
    const far = await startFar(t, (_, count) => ({ status: count < 3 ? status : 401 }))
    const server = await startServer(t)
    const remote = server.pullFrom(`${far.url}/whep/x`, 'lobby', { retryMinMs: 10, retryMaxMs: 20 })
    const { reason } = await waits(remote)
    t.is(reason, 'XRTC_REMOTE_UNAVAILABLE')
    await t.throwsAsync(remote.connected(), { code: 'XRTC_REMOTE_UNAUTHORIZED' })
    t.is(far.asked.length, 3)
    t.is(remote.failures, 3)
  })
}

test('Retry-After is kept to, in seconds and as a date', async (t) => {
  const date = new Date(Date.now() + 120_000).toUTCString()
  for (const [value, least] of [
    ['40', 39_000],
    [date, 110_000],
  ] as const) {
    const far = await startFar(t, () => ({ status: 503, headers: { 'Retry-After': value } }))
    const server = await startServer(t)
    const remote = server.pullFrom(`${far.url}/whep/x`, 'lobby', { retryMaxMs: 1_000 })
    const { nextAttemptAt } = await waits(remote)
    const delay = Number(nextAttemptAt) - Date.now()
    t.true(delay > least && delay <= 121_000, `${value}: ${delay}`)
    await remote.close()
    t.is(remote.nextAttemptAt, undefined)
  }
})

test('pauses grow to their maximum', async (t) => {
  const far = await startFar(t, () => ({ status: 404 }))
  const server = await startServer(t)
  const remote = server.pullFrom(`${far.url}/whep/x`, 'lobby', { retryMinMs: 8, retryMaxMs: 64, maxRetries: 5 })
  const pauses: number[] = []
  remote.on('statechange', ({ state, nextAttemptAt }) => {
    if (state === 'waiting') pauses.push(Number(nextAttemptAt) - Date.now())
  })
  await t.throwsAsync(remote.connected(), { code: 'XRTC_REMOTE_UNAVAILABLE' })
  t.is(far.asked.length, 6)
  for (const [index, pause] of pauses.entries()) {
    const full = Math.min(64, 8 * 2 ** index)
    t.true(pause <= full && pause >= full / 2 - 5, `${index}: ${pause} of ${full}`)
  }
})

test('a redirect is followed; the token and other headers stay with whom they are for', async (t) => {
  const target = await startFar(t, () => ({ status: 404 }))
  for (const status of [307, 308]) {
    const far = await startFar(t, () => ({ status, headers: { Location: `${target.url}/elsewhere` } }))
    const server = await startServer(t)
    const options = { token: 'secret', headers: { 'X-Key': 'other' }, maxRetries: 0 }
    for (const trusted of [false, true]) {
      const remote = server.pullFrom(`${far.url}/whep/x`, 'lobby', {
        ...options,
        ...(trusted ? { trustedOrigins: [target.url] } : {}),
      })
      await t.throwsAsync(remote.connected(), { code: 'XRTC_REMOTE_UNAVAILABLE' })
      t.is(far.asked.at(-1)?.headers.authorization, 'Bearer secret')
      const last = target.asked.at(-1)
      if (last === undefined) return t.fail('nobody asked the target')
      const { method, path, headers, body } = last
      t.deepEqual([method, path], ['POST', '/elsewhere'])
      t.true(body.startsWith('v=0\r\n'))
      t.is(headers.authorization, trusted ? 'Bearer secret' : undefined)
      t.is(headers['x-key'], trusted ? 'other' : undefined)
    }
  }
})

test('redirects without end are given up', async (t) => {
  const far = await startFar(t, () => ({ status: 307, headers: { Location: '/again' } }))
  const server = await startServer(t)
  const remote = server.pullFrom(`${far.url}/whep/x`, 'lobby', { maxRetries: 0 })
  await t.throwsAsync(remote.connected(), { code: 'XRTC_REMOTE_UNREACHABLE', message: /redirects/ })
  t.is(far.asked.length, 6)
})

for (const [name, told, code] of [
  ['without a description', { status: 201 }, 'XRTC_REMOTE_REFUSED'],
  ['with a text that is none', { status: 201, body: 'v=0\r\nnonsense' }, 'XRTC_INVALID_DESCRIPTION'],
] as const) {
  test(`an answer ${name} closes it, and the session is deleted`, async (t) => {
    const headers = { Location: '/session/1', ...('body' in told ? { 'Content-Type': 'application/sdp' } : {}) }
    const far = await startFar(t, ({ method }) => (method === 'POST' ? { headers, ...told } : { status: 200 }))
    const server = await startServer(t)
    const idle = await server.held()
    const remote = server.pullFrom(`${far.url}/whep/x`, 'lobby', { token: 'secret' })
    await t.throwsAsync(remote.connected(), { code })
    t.deepEqual(
      far.asked.map(({ method, path, headers: sent }) => [method, path, sent.authorization]),
      [
        ['POST', '/whep/x', 'Bearer secret'],
        ['DELETE', '/session/1', 'Bearer secret'],
      ],
    )
    t.deepEqual(await server.held(), idle)
  })
}

test('a response without end, and one that does not come, are given up', async (t) => {
  const server = await startServer(t)
  const endless = await startFar(t, () => ({ status: 201, body: 'x'.repeat(100_000) }))
  const first = server.pullFrom(`${endless.url}/whep/x`, 'a', { maxRetries: 0 })
  await t.throwsAsync(first.connected(), { code: 'XRTC_REMOTE_UNREACHABLE', message: /65536 bytes/ })
  const silent = await startFar(t, () => undefined)
  const second = server.pullFrom(`${silent.url}/whep/x`, 'b', { maxRetries: 0, requestTimeoutMs: 50 })
  await t.throwsAsync(second.connected(), { code: 'XRTC_REMOTE_UNREACHABLE', message: /50 ms/ })
})

test('a server that answers by an offer of its own is answered by PATCH', async (t) => {
  const foreign = await startForeign(t)
  const [origin, server] = [await startServer(t), await startServer(t)]
  await origin.pullFrom(`${foreign.url}/whep/x`, 'lobby').connected()
  const viewer = origin.peer({ pull: 'lobby' })
  const far = await startFar(t, async ({ method, body }) => {
    if (method === 'POST') {
      const { sdp } = await viewer.createOffer()
      await viewer.setLocalDescription()
      return { status: 406, headers: { 'Content-Type': 'application/sdp', Location: '/session/1' }, body: sdp }
    }
    if (method === 'PATCH') await viewer.setRemoteDescription({ type: 'answer', sdp: body })
    return { status: 204 }
  })
  const remote = server.pullFrom(`${far.url}/whep/x`, 'copy')
  await remote.connected()
  await until(() => server.stream('copy')?.live === true)
  await remote.close()
  t.deepEqual(
    far.asked.map(({ method, path, headers }) => [method, path, headers['content-type']]),
    [
      ['POST', '/whep/x', 'application/sdp'],
      ['PATCH', '/session/1', 'application/sdp'],
      ['DELETE', '/session/1', undefined],
    ],
  )
})
