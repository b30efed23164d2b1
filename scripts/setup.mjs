// Brings a fresh clone to a state that can run: npm packages, the native binding, the compiled TypeScript.
// Each part leaves a stamp with the fingerprint of what it read, so that a second run does nothing.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesBelow, fingerprint } from './sources.mjs'
import { root, run, step } from './steps.mjs'

/** Does all three; `debug` builds the binding without optimisation. */
export async function setUp({ debug = false } = {}) {
  await ensurePackages()
  await ensureNative({ debug })
  await ensureCompiled()
}

/** Installs the npm packages of the lockfile. */
export async function ensurePackages() {
  const wanted = fingerprint(['package.json', 'package-lock.json'])
  await unlessStamped('node_modules/.xrtc-stamp', wanted, ['node_modules/.package-lock.json'], () =>
    step('install npm packages', () =>
      run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']),
    ),
  )
}

/** Builds the native binding into `native/`. */
export async function ensureNative({ debug = false } = {}) {
  const sources = ['Cargo.toml', 'Cargo.lock', 'package.json', ...rustSources()]
  const wanted = fingerprint(sources, debug ? 'debug' : 'release', process.arch, process.platform)
  await unlessStamped('native/.stamp', wanted, ['native/binding.cjs', 'ts/binding.d.ts'], () =>
    step(`build the native binding (${debug ? 'debug' : 'release'}; the first time takes a few minutes)`, async () => {
      const inputs = ['--manifest-path', 'crates/node/Cargo.toml', '--package-json-path', 'package.json']
      const outputs = ['-o', 'native', '--js', 'binding.cjs', '--dts', '../ts/binding.d.ts']
      await run('npx', ['napi', 'build', '--platform', ...inputs, ...outputs, ...(debug ? [] : ['--release'])])
    }),
  )
}

/** Compiles `ts/` (and the browser library) into `dist/`. */
export async function ensureCompiled() {
  const sources = filesBelow('ts').filter((path) => !path.endsWith('binding.d.ts'))
  const wanted = fingerprint(['tsconfig.json', 'index.d.ts', ...sources])
  await unlessStamped('dist/.stamp', wanted, ['dist/index.js'], () =>
    step('compile TypeScript', async () => {
      rmSync(join(root, 'dist'), { recursive: true, force: true })
      await run('npx', ['tsc', '-p', '.'])
      if (existsSync(join(root, 'ts/client/tsconfig.json'))) await run('npx', ['tsc', '-p', 'ts/client'])
    }),
  )
}

function rustSources() {
  return filesBelow('crates').filter((path) => !/^crates\/bench\/|\/(tests|benches)\//.test(path))
}

async function unlessStamped(stamp, wanted, results, action) {
  const path = join(root, stamp)
  const fresh = existsSync(path) && readFileSync(path, 'utf8') === wanted
  if (fresh && results.every((result) => existsSync(join(root, result)))) return
  await action()
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, wanted)
}
