// How many viewers one core serves until packets come late or get lost.

import { step } from '../steps.mjs'
import { generate, withServer } from './rig.mjs'
import { Report } from './report.mjs'

export const about = 'viewers of 600 kbit/s on one core until p99 delay > 50 ms or loss > 0.1 %'

export const options = {
  rate: { type: 'bitrate', default: '600k', aimed: true, about: 'video, bit/s' },
  start: { type: 'integer', default: 2000, range: [1, 20000], about: 'viewers of the first step' },
  resolution: { type: 'number', default: 0.1, range: [0.001, 0.5], about: 'ends when the bounds are this close' },
}

export async function run({ rate, start, resolution, changed }) {
  const flags = ['-rate', rate, '-codec', 'h264', '-start', start, '-join-rate', '150', '-resolution', resolution]
  const found = await step('the ramp', () => withServer((server) => generate('ramp', [...server.flags, ...flags])))
  const report = new Report(`ramp: viewers of ${rate}bit/s on one core`, changed)
  for (const each of found.steps)
    report.row(`${each.cold} viewers`, each.pass ? 'served' : `not served: ${each.why}`, {
      remark: `p99 ${each.net_delay_p99_ms.toFixed(1)} ms, lost ${each.loss_pct.toFixed(3)} %, ${each.server_cpu_pct.toFixed(0)} % busy, others ${each.other_pct.toFixed(0)} %`,
    })
  // SRS served 1,300 where this machine's kind was measured first; the ratio holds only on the same machine.
  report.row('most viewers served', String(found.max_subscribers), {
    aim: '≥ 3,900',
    holds: found.max_subscribers >= 3900,
  })
  if (found.max_subscribers === 0) report.refuse('no step passed')
  report.print()
}
