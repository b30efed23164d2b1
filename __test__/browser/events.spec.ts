// WHEP's server-sent events about a stream whose packets come, and the choice of its layers.

import test from 'ava'
import { live, newPage, openPush, pageShows, startChromium, startSite } from './harness.ts'
import { listen, offerOf } from '../harness.ts'

type Event = readonly [type: string, data: Record<string, unknown>]

async function* eventsOf(response: Response): AsyncGenerator<Event, void> {
  let text = ''
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString('utf8')
    for (const [, type = '', data = ''] of text.matchAll(/event: (\w+)\ndata: (.*)\n\n/g)) {
      yield [type, JSON.parse(data) as Record<string, unknown>]
    }
    text = text.slice(text.lastIndexOf('\n\n') + 2)
  }
}

test.serial('B35: a player hears of the layers’ bit rates and sizes, and when its stream is inactive', async (t) => {
  const site = await startSite(t)
  const signaling = site.server.signaling({ whepExtensions: { events: true } })
  const send = (path: string, method: string, type: string, body: string | null = null): Promise<Response> =>
    signaling.fetch(new Request(new URL(path, site.url), { method, headers: { 'Content-Type': type }, body }))
  const push = await openPush(await startChromium(t), site, 'events', '&codec=VP8&simulcast=1', 720)
  const opened = await send('/whep/events', 'POST', 'application/sdp', offerOf('chromium-play'))
  const types = '["active","inactive","layers"]'
  const session = opened.headers.get('location') ?? ''
  const created = await send(`${session}/events`, 'POST', 'application/json', types)
  const heard: string[] = []
  for await (const [type, data] of eventsOf(await send(created.headers.get('location') ?? '', 'GET', 'text/plain'))) {
    if (heard.at(-1) !== type) heard.push(type)
    const layers = (data['0'] ?? []) as readonly { rid: string; bitrate?: number; width?: number; height?: number }[]
    const lowest = layers.find(({ bitrate, width }) => bitrate !== undefined && width !== undefined)
    if (lowest !== undefined) {
      t.true(lowest.bitrate! > 1_000, `${lowest.bitrate} bit/s`)
      t.is(Math.round((100 * lowest.width!) / lowest.height!), 178)
      await push.click('#stop')
    }
    if (type === 'inactive') break
  }
  t.deepEqual(heard, ['active', 'layers', 'inactive'])
})

test.serial('B36: a player that chooses a lower layer sees it, and the best one when it chooses no more', async (t) => {
  const { server, url } = await startSite(t)
  const browser = await startChromium(t)
  await openPush(browser, { server, url }, 'layers', '&codec=VP8&simulcast=1', 720)
  const { listener } = server.signaling({ pages: true, whepExtensions: { events: true, layers: true } })
  const choosing = await listen(t, listener)
  const pull = await newPage(browser)
  let session = ''
  pull.on('response', (response) => {
    if (response.status() === 201) session = response.headers()['location'] ?? ''
  })
  await pull.goto(`${choosing}/pull/layers`)
  await live(pull)
  const height = (comparison: string): Promise<void> =>
    pageShows(pull, `document.getElementById('video').videoHeight ${comparison}`, 60_000)
  await height('=== 720')
  const sections: readonly string[] =
    (server.stream('layers')!.viewers[0]!.localDescription?.sdp ?? '').match(/^m=\w+/gm) ?? []
  const mediaId = String(sections.indexOf('m=video'))
  const choose = async (wish: object): Promise<number> => {
    const body = JSON.stringify({ mediaId, ...wish })
    const headers = { 'Content-Type': 'application/json' }
    return (await fetch(new URL(`${session}/layer`, choosing), { method: 'POST', headers, body })).status
  }
  t.is(await choose({ rid: 'q' }), 200)
  await height('=== 180')
  t.is(await choose({ rid: 'nobody' }), 400)
  t.is(await choose({ maxHeight: 360 }), 200)
  await height('=== 360')
  t.is(await choose({}), 200)
  await height('=== 720')
})
