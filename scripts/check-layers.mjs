// Dependencies between the crates point down the picture in ARCHITECTURE.md only, and `unsafe` stands only where it may.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesBelow } from './sources.mjs'
import { root, run, StepError } from './steps.mjs'

/** What each crate may build on. Tests may also use the test crates. */
const MAY_USE = {
  rtp: [],
  prefetch: [],
  srtp: ['rtp', 'prefetch'],
  ice: ['rtp'],
  sdp: ['rtp'],
  turn: ['rtp', 'ice'],
  bwe: ['rtp', 'prefetch'],
  forward: ['rtp', 'bwe', 'prefetch'],
  transport: ['rtp', 'srtp', 'ice', 'prefetch'],
  sfu: ['rtp', 'sdp', 'transport', 'forward', 'ice', 'srtp', 'prefetch'],
  worker: ['rtp', 'ice', 'turn', 'transport', 'sfu'],
  node: ['rtp', 'transport', 'sfu', 'worker'],
  netem: ['rtp'],
  testkit: ['rtp', 'srtp', 'ice', 'sdp', 'transport', 'netem', 'bwe'],
  bench: ['rtp', 'srtp', 'ice', 'sdp', 'transport', 'forward', 'sfu', 'testkit', 'netem'],
  fuzz: ['rtp', 'srtp', 'ice', 'turn', 'sdp', 'transport', 'forward', 'sfu', 'testkit', 'netem'],
}
const TEST_ONLY = new Set(['netem', 'testkit'])
const UNSAFE_ALLOWED = ['prefetch', 'srtp', 'worker', 'node', 'bench', 'fuzz']
const folder = (crate) => (crate === 'fuzz' ? 'fuzz' : `crates/${crate}`)

/** Fails with every wrong arrow and every crate that lacks `#![forbid(unsafe_code)]`. */
export async function checkLayers() {
  const { output } = await run('cargo', ['metadata', '--no-deps', '--format-version=1', '--quiet'], { capture: true })
  const problems = [...wrongArrows(JSON.parse(output).packages), ...unsafeCrates()]
  if (problems.length > 0) throw new StepError('layers', `\n  ${problems.join('\n  ')}`)
}

function wrongArrows(packages) {
  return packages.flatMap(({ name, dependencies }) => {
    const crate = name.replace(/^xrtc-/, '')
    const allowed = MAY_USE[crate]
    if (!allowed) return [`${name}: not in the picture (scripts/check-layers.mjs)`]
    return dependencies
      .filter((dependency) => dependency.name.startsWith('xrtc-'))
      .map((dependency) => ({ to: dependency.name.replace(/^xrtc-/, ''), dev: dependency.kind === 'dev' }))
      .filter(({ to, dev }) => !allowed.includes(to) && !(dev && TEST_ONLY.has(to)))
      .filter(({ to, dev }) => !dev || TEST_ONLY.has(to) || !liesBelow(to, crate))
      .map(({ to }) => `${name} may not depend on xrtc-${to}`)
  })
}

// A test may use any crate below its own.
function liesBelow(to, crate) {
  const seen = new Set()
  const visit = (name) => (MAY_USE[name] ?? []).forEach((next) => !seen.has(next) && seen.add(next) && visit(next))
  visit(crate)
  return seen.has(to)
}

function unsafeCrates() {
  return Object.keys(MAY_USE)
    .filter((crate) => !UNSAFE_ALLOWED.includes(crate))
    .filter(
      (crate) => !readFileSync(join(root, folder(crate), 'src/lib.rs'), 'utf8').includes('#![forbid(unsafe_code)]'),
    )
    .map((crate) => `${folder(crate)}/src/lib.rs lacks #![forbid(unsafe_code)]`)
    .concat(unexplainedUnsafe())
}

// Every unsafe block says why it is sound, on a line above it.
function unexplainedUnsafe() {
  return UNSAFE_ALLOWED.flatMap((crate) => filesBelow(folder(crate)))
    .filter((path) => path.endsWith('.rs'))
    .flatMap((path) => {
      const lines = readFileSync(join(root, path), 'utf8').split('\n')
      return lines.flatMap((line, index) =>
        /\bunsafe (\{|impl)/.test(line) &&
        !/^\s*\/\//.test(line) &&
        !lines.slice(Math.max(0, index - 8), index + 1).some((above) => above.includes('SAFETY:'))
          ? [`${path}:${index + 1}: unsafe without a SAFETY line`]
          : [],
      )
    })
}
