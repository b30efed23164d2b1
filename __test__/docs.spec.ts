// Every JavaScript example of the documentation runs, and what its comments say it prints is printed.

import test from 'ava'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root, startNode } from './process/child.ts'

const pages = [
  'README.md',
  ...['docs/api', 'docs/guide'].flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`)),
]

const examples = pages.flatMap((page) =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/^```js\n([^]*?)^```$/gm)].map(([, code = ''], index) => ({
    name: `${page} example ${index + 1}`,
    code,
  })),
)

test('there are examples', (t) => {
  t.true(examples.length >= 6)
})

for (const { name, code } of examples) {
  test.serial(name, async (t) => {
    const running = startNode(t, ['--input-type=module', '--eval', freed(code)])
    // An example that serves until it is told to end is told so when it says that it listens.
    const serves = code.includes('// serves until it is ended')
    if (serves) {
      await running.prints(/listening|http:/)
      running.child.kill('SIGTERM')
    }
    const { code: exit, signal, stdout, stderr } = await running.ended
    t.is(stderr, '')
    t.deepEqual({ exit, signal }, serves ? { exit: null, signal: 'SIGTERM' } : { exit: 0, signal: null })
    for (const [, printed = ''] of code.matchAll(/console\.log\(.*\) \/\/ (.+)$/gm)) {
      t.true(stdout.includes(printed), `${printed} is not in: ${stdout}`)
    }
  })
}

// Fixed ports are for readers.
function freed(code: string): string {
  return code.replaceAll(/\bport: 8800\b/g, 'port: 0').replaceAll(/\.listen\(8080\b/g, '.listen(0')
}
