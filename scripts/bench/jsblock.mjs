// The JavaScript thread is not in the path: blocking it changes no packet's time.

import { step } from '../steps.mjs'
import { generate, withServer } from './rig.mjs'
import { Report } from './report.mjs'

export const about = 'the JavaScript thread is blocked 500 ms of every second: the delays of packets stay as they are'

export const options = {
  viewers: { type: 'integer', default: 200, range: [5, 20000], aimed: true, about: 'viewers' },
  seconds: { type: 'integer', default: 15, range: [1, 600], about: 'length of a window' },
}

export async function run({ viewers, seconds, changed }) {
  const people = ['-subs', '5', '-cold', String(viewers - 5), '-join-rate', '100']
  const flags = [...people, '-rate', '1.5M', '-codec', 'h264', '-audio', '-duration', `${seconds}s`]
  const free = await step('free', () => withServer((server) => generate('sfu', [...server.flags, ...flags])))
  const blocked = await step('blocked', () =>
    withServer(async (server) => {
      const { signal, abort } = ending()
      const blocking = (async () => {
        while (!signal.aborted) {
          await server.ask('block', 500)
          await new Promise((resolve) => setTimeout(resolve, 500))
        }
      })()
      try {
        return await generate('sfu', [...server.flags, ...flags])
      } finally {
        abort()
        await blocking
      }
    }),
  )
  const report = new Report(`jsblock: ${viewers} viewers of 1.5 Mbit/s`, changed)
  for (const name of ['p50', 'p95', 'p99', 'max']) {
    const [before, after] = [free, blocked].map(({ window }) => window.hot.net_delay_ms[name])
    // A blocked path would add up to 500 ms to half of the packets.
    report.row(`delay to the socket, ${name}`, `${after.toFixed(2)} ms`, {
      remark: `free ${before.toFixed(2)} ms`,
      ...(name !== 'max' && { aim: '≤ free + 1 ms', holds: after <= before + 1 }),
    })
  }
  report.checkWindow(free.window, free.warnings, 'free')
  report.checkWindow(blocked.window, blocked.warnings, 'blocked')
  report.print()
}

function ending() {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort() }
}
