// 5,000 requests of rubbish a second at the HTTP port, while a stream plays.

import { createInterface } from 'node:readline'
import { once } from 'node:events'
import test, { type ExecutionContext } from 'ava'
import type { Page } from 'puppeteer-core'
import { startNode } from '../process/child.ts'
import { flood, type Answers } from './flood.ts'
import { browserStats, number, openPull, openPush, pick, startChromium } from './harness.ts'

const PER_SECOND = 5_000
/**
 * What memory may differ by between two floods, of which the second is twice as long: what JavaScript holds, and the
 * process, whose heap V8 makes larger and smaller by more than ten megabytes as it likes.
 */
const MAX_HEAP_GROWTH_BYTES = 4 * 1024 * 1024
const MAX_GROWTH_BYTES = 32 * 1024 * 1024

/** The memory of the server's process after its garbage was collected, and what its workers lost. */
interface Figures {
  readonly rss: number
  readonly heapUsed: number
  readonly sessions: number
  readonly lost: number
}

// The server has a process of its own, so that its memory is its own; it answers a line with its figures.
const SERVER = `
  import { createServer as createHttpServer } from 'node:http'
  import { createInterface } from 'node:readline'
  import { createServer } from 'xrtc'
  const server = await createServer({ udp: { host: process.env.MEDIA_HOST }, workers: 1 })
  const rateLimit = process.env.LIMITED === 'no' ? { rateLimit: false } : {}
  const signaling = server.signaling({ pages: true, ...rateLimit })
  const http = createHttpServer(signaling.listener)
  http.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + http.address().port))
  createInterface(process.stdin).on('line', async () => {
    gc()
    const { workers } = await server.getStats()
    const { rss, heapUsed } = process.memoryUsage()
    const lost = workers.reduce((sum, { sockets }) => sum + sockets.kernelDrops + sockets.sendDropped, 0)
    console.log(JSON.stringify({ rss, heapUsed, sessions: signaling.sessionCount, lost }))
  })
`

for (const limited of ['yes', 'no']) {
  test.serial(
    `a flood of rubbish is 4xx, takes no memory and costs the stream nothing (limited: ${limited})`,
    async (t) => {
      const { url, figures } = await startServer(t, limited)
      const browser = await startChromium(t)
      const site = { url } as Parameters<typeof openPush>[1]
      await openPush(browser, site, 'lobby', '&codec=VP8')
      const page = await openPull(browser, site, 'lobby')

      // What is allocated once is there after the first flood.
      await flood(url, { count: 2 * PER_SECOND, perSecond: PER_SECOND })
      const [before, seenBefore] = [await figures(), await received(page)]
      const answers = await flood(url, { count: 4 * PER_SECOND, perSecond: PER_SECOND })
      const [after, seenAfter] = [await figures(), await received(page)]

      t.log({ answers: Object.fromEntries(answers), before, after, seenBefore, seenAfter })
      assertRefused(t, answers, limited === 'yes')
      t.true(after.rss - before.rss < MAX_GROWTH_BYTES, `${before.rss} bytes, then ${after.rss}`)
      t.true(
        after.heapUsed - before.heapUsed < MAX_HEAP_GROWTH_BYTES,
        `${before.heapUsed} bytes, then ${after.heapUsed}`,
      )
      t.is(after.sessions, 2)
      t.is(after.lost, before.lost)
      t.is(seenAfter.lost, seenBefore.lost)
      t.true(seenAfter.frames > seenBefore.frames)
    },
  )
}

function assertRefused(t: ExecutionContext, answers: Answers, limited: boolean): void {
  const refused = [...answers].filter(([status]) => status >= 400 && status < 500)
  const total = refused.reduce((sum, [, count]) => sum + count, 0)
  // The last request of each connection is a good one.
  const others = [...answers.keys()].filter((status) => status < 400 || status >= 500)
  t.deepEqual(others, [204])
  t.true(total > 3.9 * PER_SECOND, `${total} were answered`)
  t.is(answers.has(429), limited)
}

async function startServer(
  t: ExecutionContext,
  limited: string,
): Promise<{ readonly url: string; readonly figures: () => Promise<Figures> }> {
  const env = { MEDIA_HOST: process.env['XRTC_TEST_HOST'] ?? '127.0.0.1', LIMITED: limited }
  const { child } = startNode(t, ['--expose-gc', '--input-type=module', '--eval', SERVER], env)
  const lines = createInterface(child.stdout)
  const line = async (): Promise<string> => String((await once(lines, 'line'))[0])
  const url = await line()
  const figures = async (): Promise<Figures> => {
    child.stdin.write('\n')
    return JSON.parse(await line()) as Figures
  }
  return { url, figures }
}

async function received(page: Page): Promise<{ readonly frames: number; readonly lost: number }> {
  const stats = await browserStats(page)
  const [video, audio] = [pick(stats, 'inbound-rtp', 'video'), pick(stats, 'inbound-rtp', 'audio')]
  return {
    frames: number(video, 'framesDecoded'),
    lost: number(video, 'packetsLost') + number(audio, 'packetsLost'),
  }
}
