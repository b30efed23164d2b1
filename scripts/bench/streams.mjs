// The delay that the server adds to many small streams, against a program that sends every datagram back.

import { step } from '../steps.mjs'
import { generate, withReflector, withServer } from './rig.mjs'
import { percent, Report } from './report.mjs'

export const about =
  '50 streams of 20 viewers at half load: delay beyond that through a plain UDP reflector (= latency)'

export const options = {
  streams: { type: 'string', default: '50', about: 'streams' },
  viewers: { type: 'string', default: '20', about: 'viewers of each' },
  rate: { type: 'string', default: '1M', about: 'video of each stream, bit/s' },
  seconds: { type: 'string', default: '15', about: 'length of the window' },
}

export async function run({ streams, viewers, rate, seconds }) {
  const media = ['-rate', rate, '-codec', 'h264']
  const plain = await step('through the reflector', () =>
    withReflector((address) =>
      generate('reflect', ['-to', address, '-flows', streams, '-rate', rate, '-duration', '8s']),
    ),
  )
  const found = await step(`${streams} streams`, () =>
    withServer(({ flags }) =>
      generate('streams', [
        ...flags,
        '-streams',
        streams,
        '-viewers',
        viewers,
        '-probes',
        streams,
        ...media,
        '-duration',
        `${seconds}s`,
      ]),
    ),
  )
  const report = new Report(`streams: ${streams} of ${viewers} viewers, ${rate}bit/s`)
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
