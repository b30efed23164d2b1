// Sound alone: a small packet to every listener, fifty times a second.

import { step } from '../steps.mjs'
import { byMode, generate, withServer, yardstick } from './rig.mjs'
import { median, percent, Report, spread, thousands } from './report.mjs'

export const about = '1,000 listeners of one Opus stream, against the single-packet limit of that size'

export const options = {
  listeners: { type: 'string', default: '1000', about: 'listeners' },
  rounds: { type: 'string', default: '3', about: 'rounds, medians are printed' },
  seconds: { type: 'string', default: '10', about: 'length of a window' },
}

// The generator's Opus packets, trailer included.
const PAYLOAD = '100'

export async function run({ listeners, rounds, seconds }) {
  const measured = []
  for (let round = 1; round <= Number(rounds); round++)
    await step(`round ${round}`, async () => {
      const limit = byMode(
        await yardstick('limit', ['--size', PAYLOAD, '--receivers', listeners, '--modes', 'sendto,sendmmsg64']),
      )
      const people = ['-subs', '5', '-cold', String(listeners - 5), '-join-rate', '150']
      const flags = ['-codec', 'none', '-audio', '-duration', `${seconds}s`]
      measured.push({
        limit,
        found: await withServer((server) => generate('sfu', [...server.flags, ...people, ...flags])),
      })
    })
  const report = new Report(`audio: ${listeners} listeners of one Opus stream`)
  const rates = measured.map(({ found }) => found.window.server.packets_per_cpu_s)
  const share = (mode) => median(measured.map(({ limit }, round) => rates[round] / limit[mode]))
  report.row('packets per CPU-second', spread(rates, thousands), {
    remark: `${measured[0].found.window.server.cpu_pct.toFixed(0)} % busy`,
  })
  report.row('  of the limit by sendmmsg', percent(share('sendmmsg64')), {
    aim: '≥ 85 %',
    holds: share('sendmmsg64') >= 0.85,
  })
  report.row('  of the limit by sendto', percent(share('sendto')))
  for (const { found } of measured) report.checkWindow(found.window, found.warnings, 'audio')
  report.print()
}
