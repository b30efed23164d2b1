// What a worker allocates, scene by scene, against the committed snapshot: crates/bench/allocs.snap.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, StepError } from '../steps.mjs'
import { buildYardsticks, yardstick } from './rig.mjs'

export const about = 'allocations of a worker (C included) for forwarding, loss, joining, leaving; against the snapshot'

export const options = {
  update: { type: 'boolean', default: false, about: 'write the snapshot instead' },
}

export const needs = { server: false, generator: false }

const SNAPSHOT = join(root, 'crates/bench/allocs.snap')
const HEAD = [
  '# What one worker with 20 viewers allocates: by Rust code, by the crypto library, in which scene.',
  '# `npm run check` compares, `npm run fix` writes.',
]

export async function run({ update }) {
  await (update ? updateAllocs() : checkAllocs())
  console.log(update ? 'written:\n' : 'unchanged:\n')
  console.log(readFileSync(SNAPSHOT, 'utf8'))
}

/** Fails if anything has changed, for better or worse. */
export async function checkAllocs() {
  if (process.platform !== 'linux') return console.log('  not measured: it needs Linux')
  const [now, committed] = [await measure(), readFileSync(SNAPSHOT, 'utf8')]
  if (now !== committed)
    throw new StepError(
      'allocations',
      `changed; if that is meant, npm run fix\n--- committed\n${committed}--- now\n${now}`,
    )
}

/** Writes the snapshot. */
export async function updateAllocs() {
  if (process.platform === 'linux') writeFileSync(SNAPSHOT, await measure())
}

async function measure() {
  await buildYardsticks()
  const { scenes } = await yardstick('allocs')
  const lines = scenes.map(
    ({ scene, rust, crypto }) => `${String(rust).padStart(6)} ${String(crypto).padStart(6)}  ${scene}`,
  )
  return `${[...HEAD, ...lines].join('\n')}\n`
}
