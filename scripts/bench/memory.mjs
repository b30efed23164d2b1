// What a viewer takes: the slope of resident memory over the number of viewers, idle and playing.
//
// V8 takes and gives back pages of its heap as it likes, 10 MB at a time, so two readings say little. Many are taken, and
// the slope is the median of those between any two of them. Each reading comes after a full collection (`collected`);
// the same is done with another process in which nobody asks V8 for anything (`as it comes`), as a user's would run.

import { step } from '../steps.mjs'
import { generateSteps, withServer } from './rig.mjs'
import { Report, median } from './report.mjs'

export const about = 'memory a viewer takes, idle and playing: median slope of resident memory, V8 and native parts'

const AIMS = { idle: 20, playing: 40 }
const PARTS = { resident: 'resident memory', v8: "V8's heap", native: 'native', objects: "live in V8's heap" }
// The first viewers fill what is made for all: buffers, caches, compiled code.
const FIRST = 500
// Slopes between readings so far apart make the range.
const APART = 1000

export const options = {
  viewers: { type: 'integer', default: 2000, range: [FIRST + 1, 20000], aimed: true, about: 'viewers at the end' },
  step: { type: 'integer', default: 250, range: [1, 5000], about: 'viewers between two readings' },
  rounds: { type: 'integer', default: 1, range: [1, 100], about: 'processes for each figure' },
  only: { type: 'list', default: 'idle,playing', choices: Object.keys(AIMS), about: 'kinds of viewers' },
}

/** A slope is between two readings, of which the first is `FIRST` viewers. */
export function refuse({ viewers, step: between }) {
  return numbers(viewers, between).length < 3 && `--step is at most ${viewers - FIRST} with ${viewers} viewers`
}

export async function run({ viewers, step: between, rounds, only, changed }) {
  const counts = numbers(viewers, between)
  const report = new Report(
    `memory: slopes from ${FIRST} to ${counts.at(-1)} viewers, a reading each ${between}`,
    changed,
  )
  for (const kind of only) {
    for (const collected of [true, false]) {
      const runs = []
      for (let round = 0; round < rounds; round += 1) {
        const name = `${kind}, ${collected ? 'collected' : 'as it comes'}`
        runs.push(await step(name, () => readings(kind, collected, counts, report)))
      }
      add(report, kind, collected, runs)
    }
  }
  report.print()
}

function numbers(last, between) {
  return [0, ...Array.from({ length: Math.floor((last - FIRST) / between) + 1 }, (_, index) => FIRST + index * between)]
}

async function readings(kind, collected, counts, report) {
  const flags = ['-rate', '300k', '-codec', 'h264', '-audio', '-settle', '3s', '-steps', counts.join(',')]
  if (kind === 'idle') flags.push('-idle')
  const found = []
  const nodeFlags = collected ? ['--expose-gc'] : []
  const { errors } = await withServer(
    (server) =>
      generateSteps('memory', [...server.flags, ...flags], async ({ viewers }) => {
        found.push({ viewers, ...(await server.ask('memory', collected)).result })
      }),
    { nodeFlags },
  )
  for (const [text, count] of Object.entries(errors)) report.refuse(`${kind}: ${count} × ${text}`)
  return found
}

function add(report, kind, collected, runs) {
  const how = `${kind}, ${collected ? 'collected' : 'as it comes'}`
  for (const [part, name] of Object.entries(PARTS)) {
    // Between collections nobody knows what is alive.
    if (part === 'objects' && !collected) continue
    const slopes = runs.flatMap((found) => slopesOf(found, part))
    const range = slopes.filter(({ apart }) => apart >= APART).map(({ slope }) => slope)
    const value = median(slopes.map(({ slope }) => slope))
    const megabytes = (reading) => (reading[part] / 1e6).toFixed(1)
    const [none, first, last] = [runs[0][0], runs[0][1], runs[0].at(-1)].map(megabytes)
    const isAim = part === 'resident' && collected
    report.row(`${how}: ${name}`, `${kilobytes(value)} KB a viewer`, {
      remark: `${rangeOf(range)}; ${first} → ${last} MB (${none} without viewers)`,
      ...(isAim && { aim: `≤ ${AIMS[kind]} KB`, holds: value <= AIMS[kind] * 1000 }),
    })
  }
}

function slopesOf(found, part) {
  const counted = found.filter(({ viewers }) => viewers >= FIRST)
  return counted.flatMap((to, index) =>
    counted.slice(0, index).map((from) => {
      const apart = to.viewers - from.viewers
      return { apart, slope: (to[part] - from[part]) / apart }
    }),
  )
}

function rangeOf(slopes) {
  if (slopes.length === 0) return `no range: no readings ${APART} viewers apart`
  return `${kilobytes(Math.min(...slopes))} to ${kilobytes(Math.max(...slopes))}`
}

function kilobytes(bytes) {
  return (bytes / 1000).toFixed(1)
}
