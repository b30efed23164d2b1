// npm run fix: formats and applies what the linters can mend by themselves.

import { writeChecklist } from './checklist.mjs'
import { updateAllocs } from './bench/allocs.mjs'
import { ensurePackages } from './setup.mjs'
import { main, run, step } from './steps.mjs'

await main(async () => {
  await ensurePackages()
  await step('conformance checklist', writeChecklist)
  await step('cargo clippy --fix', () =>
    run('cargo', ['clippy', '--fix', '--allow-dirty', '--allow-staged', '--workspace', '--all-targets', '--quiet']),
  )
  await step('cargo fmt', () => run('cargo', ['fmt', '--all']))
  await step('allocations', updateAllocs)
  await step('oxlint --fix', () => run('npx', ['oxlint', '--fix']))
  await step('prettier', () => run('npx', ['prettier', '--write', '--log-level', 'warn', '.']))
})
