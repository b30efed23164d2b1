// The tarball as a user gets it: installed in an empty project elsewhere, without install scripts.

import test from 'ava'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { root } from './child.ts'

const run = promisify(execFile)

test.serial('the packed package works in an empty project, installed without scripts', async (t) => {
  t.timeout(180_000)
  const folder = mkdtempSync(join(tmpdir(), 'xrtc-pack-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const { stdout } = await run('npm', ['pack', '--json', '--silent', '--pack-destination', folder], { cwd: root })
  const [{ filename, files }] = JSON.parse(stdout) as [{ filename: string; files: readonly { path: string }[] }]
  const paths = files.map(({ path }) => path)
  for (const path of ['index.d.ts', 'README.md', 'LICENSE', 'dist/index.js', 'dist/client/index.js', 'web/push.html']) {
    t.true(paths.includes(path), path)
  }
  t.deepEqual(
    paths.filter((path) => /^(?:ts|crates|__test__|scripts)\/|\.spec\.|\.map$/.test(path)),
    [],
  )
  t.deepEqual(brokenLinks(paths), [], 'what a packed page links to is in the package')

  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', join(folder, filename)]
  await run('npm', install, { cwd: folder })
  const node = (...args: readonly string[]): Promise<string> =>
    run(process.execPath, args, { cwd: folder }).then((result) => result.stdout)

  const [, example = ''] = /^```js\n([^]*?)^```$/m.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? []
  t.true(example.split('\n').length <= 16, 'the embedding example has 15 lines')
  const ended = example
    .replace('port: 8800', 'port: 0')
    .replace(
      ".listen(8080, () => console.log('listening'))",
      '.listen(0, () => server.close().then(() => process.exit()))',
    )
  t.regex(ended, /process\.exit/)
  writeFileSync(join(folder, 'embed.mjs'), ended)
  await t.notThrowsAsync(() => node('embed.mjs'))

  writeFileSync(join(folder, 'require.cjs'), `console.log(typeof require('xrtc').createServer)`)
  t.is(await node('require.cjs'), 'function\n')
  writeFileSync(
    join(folder, 'client.mjs'),
    `import * as client from 'xrtc/client'
     import { createRequire } from 'node:module'
     const native = Object.keys(createRequire(import.meta.url).cache).filter((path) => path.endsWith('.node'))
     console.log('publish' in client, 'play' in client, native.length)`,
  )
  t.is(await node('client.mjs'), 'true true 0\n')
  const { stdout: version } = await run('npx', ['--no-install', 'xrtc', '--version'], { cwd: folder })
  t.is(version.trim(), (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version)

  const flags = ['--host', '127.0.0.1', '--port', '0', '--udp-port', '0', '--workers', '1']
  const supervised = spawn('node_modules/.bin/xrtc', ['serve', ...flags], { cwd: folder })
  t.teardown(() => supervised.kill('SIGKILL'))
  const exit = once(supervised, 'exit')
  for await (const chunk of supervised.stdout) if (/^ready /m.test(String(chunk))) supervised.kill('SIGTERM')
  t.deepEqual(await exit, [0, null], 'SIGTERM reaches the program itself')
})

/** Links of the packed Markdown pages to files that are not packed. */
function brokenLinks(paths: readonly string[]): readonly string[] {
  const packed = new Set(paths)
  const linksOf = (page: string): readonly string[] =>
    [...readFileSync(join(root, page), 'utf8').matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
      .filter(([, target = '']) => !packed.has(join(dirname(page), target)))
      .map(([, target]) => `${page}: ${target}`)
  return paths.filter((path) => path.endsWith('.md')).flatMap(linksOf)
}
