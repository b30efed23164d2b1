// npm run fuzz [-- target] [seconds] [seed]: feeds mutations of real inputs to the parsers and state machines; all targets
// for 60 seconds each by default. It runs on the stable toolchain: the compiler's own pass counts the blocks of code that an
// input reaches, and an input that reaches new ones is kept and mutated further (fuzz/README.md).

import { main, root, run, step, StepError } from './steps.mjs'

const COUNTED = [
  '-Cpasses=sancov-module',
  '-Cllvm-args=-sanitizer-coverage-level=3',
  '-Cllvm-args=-sanitizer-coverage-inline-8bit-counters',
].join(' ')

await main(async () => {
  const host = await hostTriple()
  await step('build the targets', () =>
    // With a target named, the flags are for what is fuzzed and not for build scripts.
    run('cargo', ['build', '--profile', 'fuzz', '--quiet', '--locked', '--package', 'xrtc-fuzz', '--target', host], {
      env: { RUSTFLAGS: COUNTED },
    }),
  )
  const program = `${root}target/${host}/fuzz/xrtc-fuzz`
  const { output } = await run(program, ['--list'], { capture: true })
  const targets = output.trim().split('\n')
  const [first, ...rest] = process.argv.slice(2)
  const isTarget = first !== undefined && !/^\d+$/.test(first)
  if (isTarget && !targets.includes(first)) {
    throw new StepError('fuzz', `no such target: ${first} (there are: ${targets.join(', ')})`)
  }
  const [seconds = '60', ...seed] = isTarget || first === undefined ? rest : [first, ...rest]
  for (const target of isTarget ? [first] : targets) {
    await step(`${target}, ${seconds} s`, () => run(program, [target, seconds, ...seed]))
  }
})

async function hostTriple() {
  const { output } = await run('rustc', ['--version', '--verbose'], { capture: true })
  return output.match(/^host: (.*)$/m)[1]
}
