// npm run bench -- NAME [--flags]: one benchmark; without a name, or with `--help`, all of them with their flags.

import * as allocs from './bench/allocs.mjs'
import * as audio from './bench/audio.mjs'
import * as calls from './bench/calls.mjs'
import * as delay from './bench/delay.mjs'
import { asksForHelp, describe, readFlags } from './bench/flags.mjs'
import * as garbage from './bench/garbage.mjs'
import * as join from './bench/join.mjs'
import * as jsblock from './bench/jsblock.mjs'
import * as limit from './bench/limit.mjs'
import * as load from './bench/load.mjs'
import * as memory from './bench/memory.mjs'
import * as micro from './bench/micro.mjs'
import * as quality from './bench/quality.mjs'
import * as ramp from './bench/ramp.mjs'
import * as recovery from './bench/recovery.mjs'
import * as streams from './bench/streams.mjs'
import * as workers from './bench/workers.mjs'
import { buildTools } from './bench/rig.mjs'
import { setUp } from './setup.mjs'
import { main, StepError } from './steps.mjs'

const BENCHES = {
  load,
  limit,
  micro,
  allocs,
  delay,
  streams,
  ramp,
  calls,
  audio,
  workers,
  memory,
  join,
  garbage,
  jsblock,
  quality,
  recovery,
  latency: streams,
}

await main(async () => {
  const [name, ...words] = process.argv.slice(2)
  if (name === undefined || name === 'help' || asksForHelp([name])) return help()
  if (!Object.hasOwn(BENCHES, name))
    throw new StepError('bench', `there is no ${name} (there are: ${Object.keys(BENCHES).join(', ')})`)
  const bench = BENCHES[name]
  if (asksForHelp(words)) return console.log(describe(name, bench))
  const values = readFlags(name, bench, words)
  if (bench.needs?.server !== false) await setUp()
  await buildTools(bench.needs)
  await bench.run(values)
})

function help() {
  console.log('npm run bench -- NAME [--flags]; the server runs on CPU 0, the generator (which needs Go) on CPU 1.')
  console.log('A missed aim (✗) does not fail a run, void figures do. Aims are for the defaults.\n')
  for (const [name, bench] of Object.entries(BENCHES)) console.log(describe(name, bench))
}
