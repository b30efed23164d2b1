// npm run fuzz [-- target] [seconds] [seed]: feeds mutations of real inputs to the parsers; all targets for 60 seconds each
// by default. It runs on the stable toolchain: mutations are seeded, and in the place of code coverage the targets tell
// what came out (fuzz/src/main.rs).

import { main, root, run, step, StepError } from './steps.mjs'

const MANIFEST = `${root}fuzz/Cargo.toml`
const PROGRAM = `${root}fuzz/target/release/xrtc-fuzz`

await main(async () => {
  await step('build the targets', () =>
    run('cargo', ['build', '--release', '--quiet', '--locked', '--manifest-path', MANIFEST]),
  )
  const { output } = await run(PROGRAM, ['--list'], { capture: true })
  const targets = output.trim().split('\n')
  const [first, ...rest] = process.argv.slice(2)
  const isTarget = first !== undefined && !/^\d+$/.test(first)
  if (isTarget && !targets.includes(first)) {
    throw new StepError('fuzz', `no such target: ${first} (there are: ${targets.join(', ')})`)
  }
  const [seconds = '60', ...seed] = isTarget || first === undefined ? rest : [first, ...rest]
  for (const target of isTarget ? [first] : targets) {
    await step(`${target}, ${seconds} s`, () => run(PROGRAM, [target, seconds, ...seed]))
  }
})
