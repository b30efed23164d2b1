// What a viewer takes: the slope of resident memory over the number of viewers, idle and playing.
//
// V8 takes and gives back pages of its heap as it likes, 10 MB at a time, so two readings say little. Many are taken, and
// the slope is the median of those between any two of them. Each reading comes after a full collection (`collected`);
// the same is done with another process in which nobody asks V8 for anything (`as it comes`), as a user's would run.

import { step } from '../steps.mjs'
import { generateSteps, withServer } from './rig.mjs'
import { Report, median } from './report.mjs'

export const about = 'memory a viewer takes, idle and playing: median slope of resident memory, V8 and native parts'

export const options = {
  viewers: { type: 'string', default: '2000', about: 'viewers at the end' },
  step: { type: 'string', default: '250', about: 'viewers between two readings' },
  rounds: { type: 'string', default: '1', about: 'processes for each figure' },
  only: { type: 'string', default: 'idle,playing', about: 'kinds of viewers' },
}

const AIMS = { idle: 20, playing: 40 }
const PARTS = { resident: 'resident memory', v8: "V8's heap", native: 'native', objects: "live in V8's heap" }
// The first viewers fill what is made for all: buffers, caches, compiled code.
const FIRST = 500
// Slopes between readings so far apart make the range.
const APART = 1000

export async function run({ viewers, step: between, rounds, only }) {
  const counts = numbers(Number(viewers), Number(between))
  const report = new Report(`memory: slopes from ${FIRST} to ${viewers} viewers, a reading each ${between}`)
  for (const kind of only.split(',')) {
    for (const collected of [true, false]) {
      const runs = []
      for (let round = 0; round < Number(rounds); round += 1) {
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
    const [first, last] = [runs[0][0], runs[0].at(-1)].map((reading) => (reading[part] / 1e6).toFixed(1))
    const isAim = part === 'resident' && collected
    report.row(`${how}: ${name}`, `${kilobytes(value)} KB a viewer`, {
      remark: `${kilobytes(Math.min(...range))} to ${kilobytes(Math.max(...range))}; ${first} → ${last} MB`,
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

function kilobytes(bytes) {
  return (bytes / 1000).toFixed(1)
}
