// What `npm run bench` refuses, before anything is built: one line that names the flag and what it takes.

import test from 'ava'
import type { ExecutionContext } from 'ava'
import type { Ended } from './child.ts'
import { startNode } from './child.ts'

function bench(t: ExecutionContext, args: readonly string[]): Promise<Ended> {
  return startNode(t, ['scripts/bench.mjs', ...args]).ended
}

const REFUSED: readonly (readonly [words: string, line: string])[] = [
  ['nope', 'bench: there is no nope (there are: load, limit, '],
  ['constructor', 'bench: there is no constructor'],
  ['--rounds 3', 'bench: there is no --rounds'],
  ['audio --rounds 0', 'audio: --rounds takes an integer from 1 to 100, not 0'],
  ['audio --rounds abc', 'audio: --rounds takes an integer from 1 to 100, not abc'],
  ['audio --rounds=', 'audio: --rounds takes an integer from 1 to 100, not an empty text'],
  ['audio --rounds', 'audio: --rounds takes an integer from 1 to 100 '],
  ['audio --rounds --seconds', 'audio: --rounds takes an integer from 1 to 100, not --seconds'],
  ['memory --rounds 0', 'memory: --rounds takes an integer from 1 to 100, not 0'],
  ['memory --only foo', 'memory: --only takes all, or some of idle,playing, not foo'],
  ['memory --viewers 600', 'memory: --step is at most 100 with 600 viewers'],
  ['join --playing 2', 'join: --playing takes an integer from 5 to 20000, not 2'],
  ['delay --viewers 5', 'delay: of 5 viewers 12 cannot be probes'],
  ['recovery --scenes nope', 'recovery: --scenes takes all, or some of clean,'],
  ['streams --busy abc', 'streams: --busy takes an integer from 0 to 95, not abc'],
  ['ramp --resolution 2', 'ramp: --resolution takes a number from 0.001 to 0.5, not 2'],
  ['calls --rate 0k', 'calls: --rate takes a bit rate above 0 such as 500k or 1.5M, not 0k'],
  ['load --only browser,foo', 'load: --only takes all, or some of browser,rtx,gcm128,cm, not browser,foo'],
  ['load --nope 1', 'load: there is no --nope'],
  ['load -x', 'load: there is no -x'],
  ['allocs whatever', 'allocs: takes flags only, not the word whatever'],
  ['allocs --update=yes', 'allocs: --update takes no value'],
  ['micro extra', 'micro: takes flags only, not the word extra'],
]

for (const [words, line] of REFUSED) {
  test(`bench ${words} is refused in one line`, async (t) => {
    const { code, stdout, stderr } = await bench(t, words.split(' '))
    t.deepEqual({ code, stdout }, { code: 1, stdout: '' })
    t.true(stderr.startsWith(`✖ ${line}`), stderr)
    t.is(stderr.split('\n').length, 2)
  })
}

test('bench without a name, and asked for help, lists what there is and runs nothing', async (t) => {
  const bare = await bench(t, [])
  t.deepEqual({ code: bare.code, stderr: bare.stderr }, { code: 0, stderr: '' })
  t.regex(bare.stdout, /^load {7}/m)
  t.regex(bare.stdout, /^recovery {3}/m)
  for (const word of ['help', '--help', '-h']) {
    const { code, stdout } = await bench(t, [word])
    t.deepEqual({ code, stdout }, { code: 0, stdout: bare.stdout })
  }
})

test('help about one bench names its flags, their defaults and what they take', async (t) => {
  const [long, short] = await Promise.all([bench(t, ['delay', '--help']), bench(t, ['delay', '-h'])])
  t.deepEqual({ code: long.code, stdout: long.stdout }, { code: 0, stdout: short.stdout })
  t.regex(long.stdout, /--probes \(12\) {2}viewers that check .*; an integer from 1 to 1000$/m)
  t.notRegex(long.stdout, /^load/m)
})
