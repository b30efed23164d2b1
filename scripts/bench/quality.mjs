// Viewers and publisher behind bad networks, over real sockets: a session of one viewer is chance, so there are many.

import { step } from '../steps.mjs'
import { generate, withServer } from './rig.mjs'
import { Report } from './report.mjs'

export const about = 'viewers and publisher behind bad networks: what stays missing, what is sent again, stalls'

// As the generator has them: benches/load/scenes.go.
const SCENES = [
  ...['clean', 'loss5', 'loss10', 'loss20', 'loss10both'],
  ...['burst', 'jitter', 'steps', 'uplink5', 'onebad'],
]

export const options = {
  scenes: {
    type: 'list',
    default: 'clean,loss5,loss10,loss20,burst,uplink5',
    choices: SCENES,
    about: 'situations',
  },
  seconds: { type: 'integer', default: 15, range: [1, 600], about: 'length of a situation' },
  sessions: {
    type: 'integer',
    default: 20,
    range: [1, 1000],
    about: 'viewers of a situation of one viewer, each with losses of its own',
  },
  seed: { type: 'integer', default: 1, range: [0, 1000000], about: 'seed of the links' },
}

// What goes over the bad link of each situation is lost with this share.
const LOSS = { loss5: 0.05, loss10: 0.1, loss20: 0.2, burst: 0.05 }

export async function run({ scenes, seconds, sessions, seed }) {
  const flags = [
    '-scenes',
    scenes.join(','),
    '-codec',
    'h264',
    '-duration',
    `${seconds}s`,
    '-sessions',
    sessions,
    '-seed',
    seed,
  ]
  const found = await step('the scenes', () =>
    withServer(({ whip, whep }) => generate('quality', ['-whip', whip, '-whep', whep, ...flags])),
  )
  const report = new Report(
    `quality: H264 at 1 Mbit/s, ${seconds} s, seed ${seed}; mean ± standard deviation of the viewers`,
  )
  for (const scene of found.scenes) {
    const name = scene.spec.name
    if (scene.error) report.refuse(`${name}: ${scene.error}`)
    for (const group of Object.keys(scene.groups))
      rows(
        report,
        name,
        scene.viewers.filter((viewer) => viewer.name === group),
        group,
      )
    for (const warning of scene.warnings) report.warn(`${name}: ${warning}`)
  }
  report.print()
}

function rows(report, scene, viewers, group) {
  const title = group === 'viewer' ? scene : `${scene}, ${group}`
  const of = (read) => viewers.map(read)
  const missing = of(({ packets }) => packets.unrecovered_pct)
  const stalled = of(({ frames }) => frames.stall_s)
  const sum = (read) => of(read).reduce((total, value) => total + value, 0)
  const [sent, needed] = [sum((viewer) => viewer.retransmissions.sent), sum((viewer) => viewer.retransmissions.needed)]
  const lost = sum(({ packets }) => packets.lost_downlink + packets.lost_uplink)
  report.row(`${title}: lost on the way`, `${((100 * lost) / sum(({ packets }) => packets.expected)).toFixed(2)} %`, {
    remark: `${viewers.length} viewers`,
  })
  report.row(`${title}: never there`, `${deviating(missing, 3)} %`, { remark: none(missing) })
  if (needed > 0) {
    const aim = 1.02 / (1 - LOSS[scene])
    const judged = Number.isFinite(aim) ? { aim: `≤ ${aim.toFixed(3)}`, holds: sent / needed <= aim } : {}
    const each = of(({ retransmissions }) => retransmissions.sent_per_needed)
    report.row(`${title}: resent per needed`, `${(sent / needed).toFixed(3)} ± ${deviation(each).toFixed(3)}`, judged)
  }
  report.row(`${title}: stalled`, `${deviating(stalled, 2)} s`, { remark: none(stalled) })
  const repairs = viewers.filter(({ packets }) => packets.recovery_ms.n > 0)
  const slowest = (quantile) => Math.max(...repairs.map(({ packets }) => packets.recovery_ms[quantile]))
  if (repairs.length > 0)
    report.row(`${title}: repaired after, slowest viewer's p50`, `${slowest('p50').toFixed(0)} ms`, {
      remark: `p95 ${slowest('p95').toFixed(0)} ms`,
    })
}

function deviating(values, digits) {
  return `${mean(values).toFixed(digits)} ± ${deviation(values).toFixed(digits)}`
}

function mean(values) {
  return values.reduce((total, value) => total + value, 0) / values.length
}

function deviation(values) {
  return Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)))
}

function none(values) {
  return `none at ${values.filter((value) => value === 0).length} of ${values.length} viewers`
}
