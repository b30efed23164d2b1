// The scenes of `quality` in virtual time, with hundreds of seeds: what the answers to requests cost and bring on average.

import { yardstick } from './rig.mjs'
import { Report } from './report.mjs'

export const about = 'lost packets in virtual time, hundreds of sessions a scene: resends, stalls, what stays missing'

// As crates/bench/src/recovery/scene.rs has them.
const SCENES = ['clean', 'loss5', 'loss10', 'loss20', 'burst', 'uplink5']

export const options = {
  seeds: { type: 'integer', default: 200, range: [1, 100000], about: 'sessions of each scene' },
  seconds: { type: 'integer', default: 15, range: [1, 600], about: 'length of a session' },
  lateness: {
    type: 'integer',
    default: 1200,
    range: [0, 1000000],
    aimed: true,
    about: 'how late viewers are at most with each thing they do, in µs',
  },
  scenes: { type: 'list', default: 'all', choices: SCENES, about: 'scenes' },
}

export const needs = { server: false, generator: false }

const SERVERS = {
  product: 'this server',
  reference: 'one answer a request',
  charmed: 'and none is lost',
}

export async function run({ seeds, seconds, scenes, lateness, changed }) {
  const flags = ['--seeds', seeds, '--seconds', seconds, '--scenes', scenes.join(','), '--lateness', lateness]
  const found = await yardstick('recovery', flags)
  const report = new Report(
    `recovery: ${seeds} sessions of ${seconds} s, viewers up to ${lateness} µs late, mean ± standard deviation`,
    changed,
  )
  for (const { scene, loss, ...servers } of found.scenes) {
    for (const [name, title] of Object.entries(SERVERS).filter(([name]) => servers[name]))
      rows(report, `${scene}, ${title}`, servers[name], name === 'product' && 1.02 / (1 - loss))
    if (!servers.reference) repair(report, servers.product)
  }
  report.print()
}

function rows(report, title, figures, aim) {
  const {
    resentPerNeeded,
    resentPerNeededInAll: resent,
    stalledSeconds: stalled,
    unrecoveredPercent: missing,
  } = figures
  if (resent > 0)
    report.row(`${title}: resent per needed`, `${resent.toFixed(3)} ± ${resentPerNeeded.deviation.toFixed(3)}`, {
      ...(aim && { aim: `≤ ${aim.toFixed(3)}`, holds: resent <= aim }),
    })
  const without = ({ none }) => `none in ${(100 * none).toFixed(0)} % of the sessions`
  report.row(`${title}: stalled`, `${stalled.mean.toFixed(2)} ± ${stalled.deviation.toFixed(2)} s`, {
    remark: without(stalled),
  })
  report.row(`${title}: never there`, `${missing.mean.toFixed(3)} ± ${missing.deviation.toFixed(3)} %`, {
    remark: without(missing),
  })
}

function repair(report, { repairedAfterMs, askedPublisherPerNeeded }) {
  const { p50, p95 } = repairedAfterMs
  report.row('repaired after, p50', `${p50.toFixed(0)} ms`, {
    remark: `p95 ${p95.toFixed(0)} ms; ${askedPublisherPerNeeded.toFixed(2)} repairs for each loss`,
    aim: '≤ 60 ms',
    holds: p50 <= 60,
  })
}
