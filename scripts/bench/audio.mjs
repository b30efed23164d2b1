// Sound alone: a small packet to every listener, fifty times a second, and as often as keeps a core busy.

import { step } from '../steps.mjs'
import { byMode, generate, withServer, yardstick } from './rig.mjs'
import { median, percent, Report, spread, thousands } from './report.mjs'

export const about = '1,000 listeners of one Opus stream, against the single-packet limit of that size'

export const options = {
  listeners: { type: 'integer', default: 1000, range: [5, 20000], aimed: true, about: 'listeners' },
  rounds: { type: 'integer', default: 3, range: [1, 100], about: 'rounds, medians are printed' },
  loaded: {
    type: 'integer',
    default: 1600,
    range: [5, 20000],
    aimed: true,
    about: 'listeners of packets of 2.5 ms, which load a core',
  },
  seconds: { type: 'integer', default: 10, range: [1, 600], about: 'length of a window' },
}

// The generator's Opus packets, trailer included.
const PAYLOAD = '100'

export async function run({ listeners, rounds, loaded, seconds, changed }) {
  const scenes = [
    { name: `${listeners} listeners`, listeners, ptime: 20 },
    { name: `${loaded} listeners of packets of 2.5 ms`, listeners: loaded, ptime: 2.5 },
  ]
  const measured = scenes.map(() => [])
  for (let round = 1; round <= rounds; round++)
    for (const [index, scene] of scenes.entries())
      await step(`round ${round}: ${scene.name}`, async () => measured[index].push(await measure(scene, seconds)))
  const report = new Report('audio: one Opus stream', changed)
  for (const [index, { name }] of scenes.entries()) add(report, name, measured[index])
  report.print()
}

async function measure({ listeners, ptime }, seconds) {
  const size = ['--size', PAYLOAD, '--receivers', listeners]
  const limit = byMode(await yardstick('limit', [...size, '--modes', 'sendto,sendmmsg64']))
  const pace = ['--pace-us', ptime * 1000]
  const paced = byMode(await yardstick('limit', [...size, '--modes', 'sendmmsg64', ...pace]))
  const people = ['-subs', '5', '-cold', String(listeners - 5), '-join-rate', '150']
  const media = ['-codec', 'none', '-audio', '-ptime', `${ptime}ms`, '-duration', `${seconds}s`]
  const found = await withServer((server) => generate('sfu', [...server.flags, ...people, ...media]))
  return { limit, paced, found }
}

function add(report, name, rounds) {
  const rates = rounds.map(({ found }) => found.window.server.packets_per_cpu_s)
  const share = (limit) => median(rounds.map((round, index) => rates[index] / limit(round)))
  const hot = share(({ limit }) => limit.sendmmsg64)
  report.row(`${name}: packets per CPU-second`, spread(rates, thousands), {
    remark: `${rounds[0].found.window.server.cpu_pct.toFixed(0)} % busy`,
  })
  report.row('  of the limit by sendmmsg', percent(hot), { aim: '≥ 85 %', holds: hot >= 0.85 })
  report.row('  of the limit by sendto', percent(share(({ limit }) => limit.sendto)))
  report.row('  of the limit by sendmmsg, as often as sound comes', percent(share(({ paced }) => paced.sendmmsg64)))
  for (const { found } of rounds) report.checkWindow(found.window, found.warnings, name)
}
