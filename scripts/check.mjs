// npm run check: everything that must hold before a change lands, except the tests.

import { checkChecklist } from './checklist.mjs'
import { checkAllocs } from './bench/allocs.mjs'
import { checkLayers } from './check-layers.mjs'
import { checkSizes } from './check-sizes.mjs'
import { checkTexts } from './check-texts.mjs'
import { setUp } from './setup.mjs'
import { main, run, step, StepError } from './steps.mjs'

const CARGO = ['--workspace', '--all-targets', '--quiet']

const CHECKS = [
  ['layers point down only', checkLayers],
  ['sizes of files', checkSizes],
  ['texts', checkTexts],
  ['conformance checklist', checkChecklist],
  ['rust format', () => run('cargo', ['fmt', '--all', '--check'])],
  ['clippy', () => run('cargo', ['clippy', ...CARGO, '--', '-D', 'warnings'])],
  [
    'rustdoc',
    () =>
      run('cargo', ['doc', '--workspace', '--no-deps', '--document-private-items', '--quiet'], {
        env: { RUSTDOCFLAGS: '-D warnings -A rustdoc::private-intra-doc-links' },
      }),
  ],
  ['allocations', checkAllocs],
  ['types of the package', () => run('npx', ['tsc', '-p', '.', '--noEmit'])],
  ['types of the tests', () => run('npx', ['tsc', '-p', '__test__', '--noEmit'])],
  ['types of the pages', () => run('npx', ['tsc', '-p', 'web', '--noEmit'])],
  ['lint', () => run('npx', ['oxlint', '--deny-warnings'])],
  ['format', () => run('npx', ['prettier', '--check', '--log-level', 'warn', '.'])],
]

await main(async () => {
  await setUp()
  const failures = []
  for (const [name, action] of CHECKS) {
    try {
      await step(name, action)
    } catch (error) {
      if (!(error instanceof StepError)) throw error
      console.error(`✖ ${error.message}`)
      failures.push(name)
    }
  }
  if (failures.length > 0) throw new StepError('check', `${failures.length} failed: ${failures.join(', ')}`)
  console.log(`check: all ${CHECKS.length} passed`)
})
