// What a viewer takes: the slope of resident memory, idle and playing.

import { step } from '../steps.mjs'
import { generate, withServer } from './rig.mjs'
import { Report } from './report.mjs'

export const about = 'resident memory of 0, 1,000 and 2,000 viewers, idle and playing: KB per viewer'

export const options = {
  steps: { type: 'string', default: '0,1000,2000', about: 'numbers of viewers' },
}

const AIMS = { idle: 20, playing: 40 }

export async function run({ steps }) {
  const report = new Report('memory: resident memory of the whole process, Node included')
  for (const [kind, aim] of Object.entries(AIMS)) {
    const flags = ['-rate', '300k', '-codec', 'h264', '-audio', '-steps', steps, ...(kind === 'idle' ? ['-idle'] : [])]
    const found = await step(kind, () => withServer((server) => generate('memory', [...server.flags, ...flags])))
    for (const [index, { viewers, rss_mb: mb }] of found.steps.entries()) {
      const before = found.steps[index - 1]
      const slope = before ? (1000 * (mb - before.rss_mb)) / (viewers - before.viewers) : undefined
      const isLast = index === found.steps.length - 1
      report.row(`${kind}: ${viewers} viewers`, `${mb.toFixed(1)} MB`, {
        remark: slope === undefined ? '' : `${slope.toFixed(1)} KB per viewer since ${before.viewers}`,
        ...(isLast && { aim: `≤ ${aim} KB`, holds: slope <= aim }),
      })
    }
    for (const [text, count] of Object.entries(found.errors)) report.refuse(`${kind}: ${count} × ${text}`)
  }
  report.print()
}
