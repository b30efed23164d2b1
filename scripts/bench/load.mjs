// Packets per CPU-second with as many viewers as keep the server busy, beside the limit of the same minute.

import { step } from '../steps.mjs'
import { byMode, generate, withServer, yardstick } from './rig.mjs'
import { median, percent, Report, spread, thousands } from './report.mjs'

export const about = 'real sockets, one publisher of 1.5 Mbit/s with Opus, viewers until the server is busy'

// What viewers negotiate, and the cipher whose limit that is to be held against.
const VARIANTS = {
  browser: { about: "a browser's order: AES-256-GCM", cipher: 'gcm256', flags: [] },
  rtx: { about: 'viewers with RTX that lose 1 %', cipher: 'gcm256', flags: ['-rtx-loss', '0.01'] },
  gcm128: { about: 'AES-128-GCM alone', cipher: 'gcm128', flags: ['-srtp', 'gcm'] },
  cm: { about: 'AES-CM with SHA-1 alone', cipher: 'cm', flags: ['-srtp', 'cm'] },
}

export const options = {
  rounds: {
    type: 'integer',
    default: 3,
    range: [1, 100],
    about: 'rounds, the variants alternating; medians are printed',
  },
  only: { type: 'list', default: 'browser', choices: Object.keys(VARIANTS), about: 'variants' },
  seconds: { type: 'integer', default: 8, range: [1, 600], about: 'length of a window' },
  busy: {
    type: 'integer',
    default: 84,
    range: [1, 95],
    aimed: true,
    about: 'how busy the server is to be, percent of its core',
  },
}

const LIMIT_MODES = 'sendto,sendmmsg64,gso4,gso8'

export async function run({ rounds, only, seconds, busy, changed }) {
  const measured = new Map(only.map((name) => [name, []]))
  for (let round = 1; round <= rounds; round++)
    for (const name of only)
      await step(`round ${round}: ${name}`, async () => {
        const { cipher, flags } = VARIANTS[name]
        const limit = await yardstick('limit', ['--cipher', cipher, '--modes', LIMIT_MODES])
        const found = await withServer((server) => generate('sfu', [...server.flags, ...load(seconds, busy), ...flags]))
        const crowd = ['--cipher', cipher, '--modes', 'gso4', '--receivers', viewersOf(found)]
        measured
          .get(name)
          .push({ limit: { ...byMode(limit), crowd: byMode(await yardstick('limit', crowd)).gso4 }, found })
      })
  print(measured, busy, changed)
}

function load(seconds, busy) {
  const people = ['-subs', '5', '-cold', '1000', '-join-rate', '150', '-fill', busy]
  const stream = ['-rate', '1.5M', '-codec', 'h264', '-audio', '-splits', 'even,equal']
  return [...people, ...stream, '-settle', '2s', '-duration', `${seconds}s`]
}

function print(measured, busy, changed) {
  const report = new Report('load: one publisher of 1.5 Mbit/s with Opus', changed)
  let plain
  for (const [name, rounds] of measured) {
    const rate = (split) => rounds.map(({ found }) => windowOf(found, split).server.packets_per_cpu_s)
    const even = rate('even')
    plain ??= name === 'browser' ? even : undefined
    const against = (mode) => median(rounds.map(({ limit }, round) => even[round] / limit[mode]))
    const viewers = median(rounds.map(({ found }) => viewersOf(found)))
    const busyness = median(rounds.map(({ found }) => found.window.server.cpu_pct))
    report.row(`${name}: packets per CPU-second`, spread(even, thousands), {
      remark: `${VARIANTS[name].about}, ${viewers} viewers, ${busyness.toFixed(0)} % busy`,
    })
    if (name === 'rtx' && plain) {
      const share = median(even.map((value, round) => value / plain[round]))
      report.row('  of the plain figure', percent(share), { aim: '≥ 85 %', holds: share >= 0.85 })
    }
    const aim = name === 'rtx' ? {} : { aim: '≥ 75 %', holds: against('gso4') >= 0.75 }
    report.row('  of the limit in trains of 4', percent(against('gso4')), aim)
    report.row('  of that to as many receivers', percent(against('crowd')))
    report.row(
      '  of trains of 8 / sendmmsg / sendto',
      ['gso8', 'sendmmsg64', 'sendto'].map((mode) => percent(against(mode))).join(' / '),
    )
    const split = median(rate('equal').map((value, round) => value / even[round]))
    report.row('  frames split as libwebrtc does', percent(split), {
      remark: 'of the figure with packets of one size',
      aim: '≥ 90 %',
      holds: split >= 0.9,
    })
    check(report, name, rounds, busy)
  }
  report.print()
}

function check(report, name, rounds, busy) {
  for (const { found } of rounds)
    for (const window of found.windows) {
      report.checkWindow(window, found.warnings, name)
      if (window.server.cpu_pct < busy - 4) report.warn(`${name}: only ${window.server.cpu_pct.toFixed(0)} % busy`)
    }
  const delivered = rounds.map(({ found }) => windowOf(found, 'even').server.delivered_ratio)
  report.row(
    '  delivered',
    spread(delivered, (value) => percent(value, 3)),
    { aim: '99.9–100.1 %', holds: delivered.every((value) => value >= 0.999 && value <= 1.001) },
  )
}

function viewersOf({ window }) {
  return window.cold.subscribers + window.hot.subscribers
}

function windowOf(found, split) {
  return found.windows.find((window) => window.split === split)
}
