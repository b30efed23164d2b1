// npm run attack [-- TIMES [GROUP]]: the attacks of crates/worker/tests/it/attack with a release build, TIMES as long as in
// npm test (default 20); GROUP is one of them: strangers, insiders, joins, handshakes,
// connections or relay.

import { main, run, step, StepError } from './steps.mjs'

await main(async () => {
  const [times = '20', group = ''] = process.argv.slice(2)
  if (!/^[1-9]\d*$/.test(times)) throw new StepError('attack', `how many times as long? A number, not ${times}`)
  const tests = ['test', '--release', '--quiet', '-p', 'xrtc-worker', '--test', 'it', `attack::${group}`]
  // One after the other: each has its own server and floods it.
  const { output } = await step(`attacks, ${times} times as long as in npm test`, () =>
    run('cargo', [...tests, '--', '--test-threads=1'], { tee: true, env: { XRTC_ATTACK: times } }),
  )
  if (/ 0 passed; 0 failed/.test(output)) throw new StepError('attack', `there is no attack in the group ${group}`)
})
