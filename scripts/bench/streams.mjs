// The delay that the server adds to many small streams, against a program that sends every datagram back.

import { step } from '../steps.mjs'
import { generate, withReflector, withServer } from './rig.mjs'
import { percent, Report } from './report.mjs'

export const about =
  '50 streams of 20 viewers at half load: delay beyond that through a plain UDP reflector (= latency)'

export const options = {
  streams: { type: 'integer', default: 50, range: [1, 1000], aimed: true, about: 'streams' },
  viewers: { type: 'integer', default: 20, range: [1, 1000], aimed: true, about: 'viewers of each' },
  rate: { type: 'bitrate', default: '2M', about: 'video of each stream to begin with, bit/s' },
  busy: {
    type: 'integer',
    default: 50,
    range: [0, 95],
    aimed: true,
    about: 'how busy the server is to be by a higher or lower rate, percent; 0: leave the rate',
  },
  seconds: { type: 'integer', default: 15, range: [1, 600], about: 'length of the window' },
}

// The publishers know nothing of each other: their packets do not leave in one burst per millisecond.
const TICK = ['-tick', '50us']

export async function run({ streams, viewers, rate, busy, seconds, changed }) {
  const scene = ['-streams', streams, '-viewers', viewers, '-probes', streams]
  const media = ['-rate', rate, '-codec', 'h264', '-fill', busy, '-duration', `${seconds}s`]
  const found = await step(`${streams} streams`, () =>
    withServer(({ flags }) => generate('streams', [...flags, ...scene, ...media, ...TICK])),
  )
  const reached = String(Math.round(found.rate))
  const plain = await step('the same rate through the reflector', () =>
    withReflector((address) =>
      generate('reflect', ['-to', address, '-flows', streams, '-rate', reached, '-duration', '8s', ...TICK]),
    ),
  )
  const report = new Report(
    `streams: ${streams} of ${viewers} viewers, ${(found.rate / 1e6).toFixed(1)} Mbit/s each`,
    changed,
  )
  const rows = [['p50', 0.1], ['p95'], ['p99', 1], ['max']]
  for (const [name, aim] of rows) {
    const [through, without] = [found.net_delay_ms[name], plain.net_delay_ms[name]]
    const added = through - without
    report.row(`delay added, ${name}`, `${(1000 * added).toFixed(0)} µs`, {
      remark: `${through.toFixed(3)} − ${without.toFixed(3)} ms`,
      ...(aim && { aim: `≤ ${1000 * aim} µs`, holds: added <= aim }),
    })
  }
  report.row('busy', `${found.server.cpu_pct.toFixed(0)} %`, {
    aim: '40–60 %',
    holds: found.server.cpu_pct >= 40 && found.server.cpu_pct <= 60,
  })
  report.row('delivered', percent(found.server.delivered_ratio, 3))
  if (plain.received !== plain.sent) report.warn(`the reflector lost ${plain.sent - plain.received} of ${plain.sent}`)
  report.checkStreams(found, 'streams')
  report.print()
}
