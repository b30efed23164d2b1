import test from 'ava'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import * as xrtc from 'xrtc'

const require = createRequire(import.meta.url)
const root = new URL('../', import.meta.url)

test('the package exports what index.d.ts declares, and nothing else', (t) => {
  const declarations = readFileSync(new URL('index.d.ts', root), 'utf8')
  const declared = [...declarations.matchAll(/^export declare (?:const|function|class) (\w+)/gm)].map(
    ([, name]) => name,
  )
  t.deepEqual(Object.keys(xrtc).toSorted(), declared.toSorted())
})

test('require gives the same package', (t) => {
  const required = require('xrtc') as typeof xrtc
  t.is(required.createServer, xrtc.createServer)
  t.is(required.XrtcError, xrtc.XrtcError)
})

test('the version is the one of package.json', (t) => {
  t.is(xrtc.version, (require('xrtc/package.json') as { version: string }).version)
})

test('nothing that is reachable from the package awaits at its top level', (t) => {
  // `require` of a module with a top-level await throws ERR_REQUIRE_ASYNC_MODULE.
  t.notThrows(() => require('xrtc'))
  t.notThrows(() => require('xrtc/client'))
})

test('the browser library says what is missing outside a browser', async (t) => {
  const { play } = await import('xrtc/client')
  t.throws(() => play({ endpoint: 'http://127.0.0.1/whep/lobby' }), { message: /needs a browser/ })
})
