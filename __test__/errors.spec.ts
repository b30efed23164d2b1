import test from 'ava'
import { readFileSync } from 'node:fs'
import * as xrtc from 'xrtc'
import { startServer } from './harness.ts'

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

const documented = [...read('docs/api/errors.md').matchAll(/^\| `(XRTC_\w+)` +\| `(\w+)`/gm)].map(
  ([, code, name]) => [code, name] as const,
)

test('docs/api/errors.md lists every code of the contract, in order, once', (t) => {
  const union = /export type XrtcErrorCode =([^;]*?)\n\n/.exec(read('index.d.ts'))?.[1] ?? ''
  const codes = [...union.matchAll(/'(XRTC_\w+)'/g)].map(([, code]) => code)
  t.true(codes.length > 10)
  t.deepEqual(
    documented.map(([code]) => code),
    codes,
  )
})

test('docs/api/errors.md names the class that the code has', (t) => {
  const table = Object.fromEntries(
    [...read('ts/errors.ts').matchAll(/^ {2}(XRTC_\w+): (\w+),$/gm)].map(([, code, name]) => [code, name]),
  )
  t.deepEqual(Object.fromEntries(documented), table)
})

test('every documented class is exported and extends XrtcError', (t) => {
  for (const [code, name] of documented) {
    const constructor = (xrtc as unknown as Record<string, typeof xrtc.XrtcError>)[name ?? '']
    t.assert(constructor !== undefined && constructor.prototype instanceof xrtc.XrtcError, `${code}: ${name}`)
  }
})

test('an error has its name, code and details, and is an Error', async (t) => {
  const server = await startServer(t)
  const error = await t.throwsAsync(() => server.push('../etc', { offer: 'v=0' }), {
    instanceOf: xrtc.InvalidArgumentError,
    code: 'XRTC_INVALID_STREAM_NAME',
  })
  t.true(error instanceof xrtc.XrtcError && error instanceof Error)
  t.is(error.name, 'InvalidArgumentError')
  t.deepEqual((error as xrtc.XrtcError).details, {})
  t.regex(String(error.stack), /^InvalidArgumentError: /)
})
