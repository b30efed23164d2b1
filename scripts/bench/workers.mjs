// One stream on two workers: what a packet costs more than on one, and how the viewers are spread.

import { step } from '../steps.mjs'
import { generate, withServer } from './rig.mjs'
import { median, percent, Report, spread, thousands } from './report.mjs'

export const about =
  'one stream on two workers: CPU per packet against one worker, spread of viewers, rate of both cores'

export const options = {
  viewers: { type: 'string', default: '600', about: 'viewers' },
  rounds: { type: 'string', default: '3', about: 'rounds, one and two workers alternating' },
  seconds: { type: 'string', default: '8', about: 'length of a window' },
}

export async function run({ viewers, rounds, seconds }) {
  const people = ['-subs', '4', '-cold', String(viewers - 4), '-join-rate', '100']
  const stream = ['-rate', '1.5M', '-codec', 'h264', '-audio', '-duration', `${seconds}s`]
  const measured = { 1: [], 2: [] }
  for (let round = 1; round <= Number(rounds); round++)
    for (const workers of [1, 2])
      await step(`round ${round}: ${workers} worker${workers > 1 ? 's' : ''}`, () =>
        withServer(
          async ({ flags, ask }) => {
            const found = await generate('sfu', [...flags, ...people, ...stream])
            measured[workers].push({ found, stats: (await ask('stats')).result })
          },
          { workers, cpus: '0,1' },
        ),
      )
  const report = new Report(`workers: one stream, ${viewers} viewers, the generator beside them on CPU 1`)
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
  const rate = measured[2].map(({ found }) => found.window.server.packets / found.window.seconds)
  report.row('packets per second', spread(rate, thousands), {
    remark: `${measured[2][0].found.window.server.cpu_pct.toFixed(0)} % of a core in all`,
  })
  for (const workers of [1, 2])
    for (const { found } of measured[workers]) report.checkWindow(found.window, found.warnings, `${workers} workers`)
  report.print()
}
