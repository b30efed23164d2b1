// The choice of a simulcast layer by a WHEP player.

import test, { type ExecutionContext } from 'ava'
import type { PullPeer } from 'xrtc'
import { offerOf, open, post, problemOf, startServer, startSite } from '../harness.ts'

const PUBLISH = offerOf('obs-publish-simulcast')
const PLAY = offerOf('chromium-play')

interface Choosing {
  readonly layer: string
  readonly viewer: PullPeer
}

async function play(t: ExecutionContext): Promise<Choosing> {
  const { url, server } = await startSite(t, { whepExtensions: { events: true, layers: true } })
  await open(`${url}/whip/lobby`, PUBLISH)
  const response = await post(`${url}/whep/lobby`, PLAY)
  const link = response.headers.get('link') ?? ''
  const [, path = ''] = /<([^>]*)>; rel="urn:ietf:params:whep:ext:core:layer"$/.exec(link) ?? []
  t.regex(path, /^\/whep-session\/[\w.-]+\/layer$/)
  return { layer: new URL(path, url).href, viewer: server.stream('lobby')!.viewers[0]! }
}

function choose(layer: string, wish: unknown, type = 'application/json'): Promise<Response> {
  const body = typeof wish === 'string' ? wish : JSON.stringify(wish)
  return fetch(layer, { method: 'POST', headers: { 'Content-Type': type }, body })
}

const refusals: readonly (readonly [what: string, wish: unknown, status: number])[] = [
  ['no JSON', '{mediaId: 0}', 400],
  ['no mediaId', { rid: '0' }, 400],
  ['a section without video', { mediaId: '1', rid: '0' }, 422],
  ['a spatial layer', { mediaId: '0', spatialLayerId: 1 }, 422],
  ['a limit of temporal layers', { mediaId: '0', rid: '0', maxTemporalLayerId: 1 }, 422],
  ['a rid that is no text', { mediaId: '0', rid: 7 }, 400],
  ['a width of no pixels', { mediaId: '0', maxWidth: 0 }, 400],
  ['a viewer that is not connected', { mediaId: '0', rid: '0' }, 409],
]
for (const [what, wish, status] of refusals) {
  test(`B36: a wish with ${what} is ${status}`, async (t) => {
    const { layer } = await play(t)
    const response = await choose(layer, wish)
    t.is((await problemOf(response))['status'], status)
    t.is(response.status, status)
  })
}

test('B36: a wish is JSON by POST', async (t) => {
  const { layer } = await play(t)
  t.is((await choose(layer, { mediaId: '0' }, 'text/plain')).status, 415)
  t.is((await fetch(layer)).headers.get('allow'), 'OPTIONS, POST')
})

test('A29: the choice of layers needs the events that tell them', async (t) => {
  const server = await startServer(t)
  const error = t.throws(() => server.signaling({ whepExtensions: { layers: true } }))
  t.like(error, { code: 'XRTC_INVALID_ARGUMENT' })
})

test('a viewer that is not negotiated or not connected has no layer to choose', async (t) => {
  const { viewer } = await play(t)
  await t.throwsAsync(viewer.setLayer({ rid: '0' }), { code: 'XRTC_INVALID_STATE' })
  await t.throwsAsync(viewer.setLayer({ rid: ' ' }), { code: 'XRTC_INVALID_ARGUMENT' })
  const server = await startServer(t)
  await t.throwsAsync(server.peer({ pull: 'lobby' }).setLayer(), { code: 'XRTC_INVALID_STATE' })
})
