// npm run bench [-- NAME --flags]: one benchmark; `--help` lists all of them with their flags.

import { parseArgs } from 'node:util'
import * as allocs from './bench/allocs.mjs'
import * as audio from './bench/audio.mjs'
import * as calls from './bench/calls.mjs'
import * as delay from './bench/delay.mjs'
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
import { main } from './steps.mjs'

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
  const [name = 'load', ...words] = process.argv.slice(2)
  if (name === '--help' || name === 'help') return help()
  const bench = BENCHES[name]
  if (!bench) throw new Error(`no such benchmark: ${name} (there are: ${Object.keys(BENCHES).join(', ')})`)
  if (words.includes('--help')) return describe(name)
  const { values, positionals } = parseArgs({ args: words, options: bench.options, allowPositionals: true })
  if (bench.needs?.server !== false) await setUp()
  await buildTools(bench.needs)
  await bench.run(values, positionals)
})

function help() {
  console.log('npm run bench -- NAME [--flags]; the server runs on CPU 0, the generator (which needs Go) on CPU 1\n')
  for (const name of Object.keys(BENCHES)) describe(name)
}

function describe(name) {
  const { about, options } = BENCHES[name]
  console.log(`${name.padEnd(10)} ${about}`)
  for (const [flag, { about, default: value }] of Object.entries(options))
    console.log(`           --${flag} (${value})  ${about}`)
}
