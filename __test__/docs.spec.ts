// Every JavaScript example of the documentation runs, and what its comments say it prints is printed.

import test from 'ava'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
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

test('every link leads to a page, and to a heading of it', (t) => {
  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8')
    for (const [, target = '', anchor] of text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)]+))?\)/g)) {
      const path = target === '' ? join(root, page) : join(root, dirname(page), target)
      t.true(existsSync(path), `${page}: ${target}`)
      if (anchor !== undefined) t.true(anchorsOf(readFileSync(path, 'utf8')).includes(anchor), `${page}: #${anchor}`)
    }
  }
})

test('every page of a class says how stable it is and has an example', (t) => {
  for (const page of pages.filter((path) => path.startsWith('docs/api/') && !path.endsWith('/errors.md'))) {
    const text = readFileSync(join(root, page), 'utf8')
    t.regex(text, /^# `?\S+.*\n\nStability: \w/, page)
    t.regex(text, /^```(?:js|html)$/m, page)
  }
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

// As GitHub makes them of headings.
function anchorsOf(markdown: string): readonly string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

// Fixed ports are for readers.
function freed(code: string): string {
  return code.replaceAll(/\bport: (?:8800|8080)\b/g, 'port: 0').replaceAll(/\.listen\(8080\b/g, '.listen(0')
}
