// How long a packet takes from the publisher to the sockets of probes among the viewers, in fan-out times of a frame.

import { step } from '../steps.mjs'
import { generate, withServer } from './rig.mjs'
import { percent, Report, thousands } from './report.mjs'

export const about =
  '305 viewers, probes among them: delay in units of F (packets of a frame × viewers ÷ rate), fairness'

export const options = {
  viewers: { type: 'integer', default: 305, range: [1, 20000], aimed: true, about: 'viewers, probes included' },
  probes: {
    type: 'integer',
    default: 12,
    range: [1, 1000],
    aimed: true,
    about: 'viewers that check and time every packet',
  },
  seconds: { type: 'integer', default: 60, range: [1, 3600], about: 'length of the window' },
}

export function refuse({ viewers, probes }) {
  return probes > viewers && `of ${viewers} viewers ${probes} cannot be probes`
}

export async function run({ viewers, probes, seconds, changed }) {
  const people = ['-subs', probes, '-cold', String(viewers - probes), '-join-rate', '100']
  const stream = ['-rate', '1.5M', '-codec', 'h264', '-audio', '-duration', `${seconds}s`]
  const found = await step('one publisher among its viewers', () =>
    withServer((server) => generate('sfu', [...server.flags, ...people, ...stream])),
  )
  const { window } = found
  const report = new Report(`delay: ${viewers} viewers, ${probes} of them probes, ${seconds} s`, changed)
  const perFrame = window.publisher.packets / window.publisher.frames
  const fanOut = (1000 * perFrame * viewers) / window.server.packets_per_cpu_s
  const { p50, p99, max } = window.hot.net_delay_ms
  const times = (ms) => `${(ms / fanOut).toFixed(2)} F`
  report.row('F, the fan-out time of a frame', `${fanOut.toFixed(2)} ms`, {
    remark: `${perFrame.toFixed(1)} packets × ${viewers} viewers at ${thousands(window.server.packets_per_cpu_s)}/CPU-s`,
  })
  report.row('delay to the socket, p50', `${p50.toFixed(2)} ms`, {
    remark: times(p50),
    aim: '≤ 0.6 F',
    holds: p50 <= 0.6 * fanOut,
  })
  report.row('p99', `${p99.toFixed(2)} ms`, { remark: times(p99), aim: '≤ 4 F', holds: p99 <= 4 * fanOut })
  report.row('longest', `${max.toFixed(2)} ms`, { remark: times(max) })
  const means = window.hot.mean_delay_ms
  const mean = means.reduce((sum, value) => sum + value, 0) / means.length
  const off = Math.max(...means.map((value) => Math.abs(value / mean - 1)))
  report.row('mean of a viewer, furthest from that of all', percent(off), {
    remark: `${Math.min(...means).toFixed(2)}–${Math.max(...means).toFixed(2)} ms`,
    aim: '≤ 10 %',
    holds: off <= 0.1,
  })
  report.row('busy', `${window.server.cpu_pct.toFixed(0)} %`)
  report.checkWindow(window, found.warnings, 'delay')
  report.print()
}
