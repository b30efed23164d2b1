// One stream on two workers: what a packet costs more than on one, and how the viewers are spread.

import { step } from '../steps.mjs'
import { generate, withServer } from './rig.mjs'
import { median, percent, Report, spread, thousands } from './report.mjs'

export const about =
  'one stream on two workers: CPU per packet against one worker, spread of viewers, rate of both cores'

export const options = {
  viewers: { type: 'integer', default: 600, range: [4, 20000], aimed: true, about: 'viewers' },
  rounds: { type: 'integer', default: 3, range: [1, 100], about: 'rounds, one and two workers alternating' },
  seconds: { type: 'integer', default: 8, range: [1, 600], about: 'length of a window' },
  busy: {
    type: 'integer',
    default: 80,
    range: [0, 95],
    about: 'how busy each core is to be for the rate of both, percent; 0: not measured',
  },
}

export async function run({ viewers, rounds, seconds, busy, changed }) {
  const people = ['-subs', '4', '-cold', String(viewers - 4), '-join-rate', '100']
  const measured = { 1: [], 2: [] }
  for (let round = 1; round <= rounds; round++)
    for (const workers of [1, 2])
      await step(`round ${round}: ${workers} worker${workers > 1 ? 's' : ''}`, async () => {
        measured[workers].push(await measure(workers, '0,1', [...people, ...stream('1.5M', seconds)]))
      })
  const filled = busy > 0 ? await fill(busy, seconds) : undefined
  const report = new Report(`workers: one stream, ${viewers} viewers, the generator beside them on CPU 1`, changed)
  const cost = (workers) => measured[workers].map(({ found }) => found.window.server.us_per_packet)
  const micros = (value) => `${value.toFixed(2)} µs`
  report.row('one worker: CPU per packet', spread(cost(1), micros))
  const more = median(cost(2).map((value, round) => value / cost(1)[round]))
  report.row('two workers: CPU per packet', spread(cost(2), micros), {
    remark: `${more.toFixed(3)} times one`,
    aim: '≤ 1.08 times',
    holds: more <= 1.08,
  })
  const shares = measured[2].map(({ stats }) => {
    const sent = stats.workers.map(({ sockets }) => sockets.datagramsSent)
    return sent[0] / (sent[0] + sent[1])
  })
  const even = shares.every((share) => share >= 0.45 && share <= 0.55)
  report.row('sent by the first worker', spread(shares, percent), { aim: '45–55 %', holds: even })
  const rate = measured[2].map(({ found }) => perSecond(found))
  report.row('packets per second', spread(rate, thousands), {
    remark: `${measured[2][0].found.window.server.cpu_pct.toFixed(0)} % of a core in all`,
  })
  if (filled) printFilled(report, filled)
  for (const workers of [1, 2])
    for (const { found } of measured[workers]) report.checkWindow(found.window, found.warnings, `${workers} workers`)
  report.print()
}

function stream(rate, seconds) {
  return ['-rate', rate, '-codec', 'h264', '-audio', '-duration', `${seconds}s`]
}

function measure(workers, cpus, flags) {
  return withServer(
    async (server) => {
      const found = await generate('sfu', [...server.flags, ...flags])
      return { found, stats: (await server.ask('stats')).result }
    },
    { workers, cpus },
  )
}

// One worker on a core of its own, and two on both cores, the second of which is the generator's too; as many viewers as
// keep them busy. Twice the bit rate, so that half as many do.
async function fill(busy, seconds) {
  const flags = (percent) => ['-subs', '4', '-cold', '1000', '-join-rate', '150', '-fill', String(percent)]
  const one = await step('one core filled', () => measure(1, '0', [...flags(busy), ...stream('3M', seconds)]))
  const two = await step('both cores filled', () => measure(2, '0,1', [...flags(2 * busy), ...stream('3M', seconds)]))
  return { one, two }
}

function printFilled(report, { one, two }) {
  const state = ({ found: { window } }) =>
    `${window.cold.subscribers + window.hot.subscribers} viewers, ${window.server.cpu_pct.toFixed(0)} % of a core, ${percent(window.server.delivered_ratio, 3)} delivered`
  report.row('one core filled: packets per second', thousands(perSecond(one.found)), { remark: state(one) })
  report.row('both cores filled', thousands(perSecond(two.found)), {
    remark: `${(perSecond(two.found) / perSecond(one.found)).toFixed(2)} times one core, ${state(two)}`,
  })
  report.checkWindow(one.found.window, one.found.warnings, 'one core filled')
  report.checkWindow(two.found.window, two.found.warnings, 'both cores filled')
}

function perSecond({ window }) {
  return window.server.packets / window.seconds
}
