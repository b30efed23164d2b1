import test from 'ava'
import { createRequire } from 'node:module'
import * as xrtc from 'xrtc'

test('import and require give the same package', (t) => {
  const required = createRequire(import.meta.url)('xrtc') as typeof xrtc
  t.is(required.version, xrtc.version)
})
