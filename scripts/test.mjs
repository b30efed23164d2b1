// npm test [-- rust | api | browser]: sets up what is missing, runs every test, and ends with `N passed, N failed`.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { ensureApiPrograms, ensureBrowsers, ensureRustPrograms } from './browsers.mjs'
import { ensureForeign } from './go.mjs'
import { setUp } from './setup.mjs'
import { main, root, run, step } from './steps.mjs'

const SUITES = {
  rust: () =>
    ensureRustPrograms()
      .then(ensureForeign)
      .then(() => run('cargo', ['test', '--workspace', '--exclude', 'xrtc-node', '--no-fail-fast', '--quiet'], FREE))
      .then(countCargo),
  api: async () => {
    await ensureForeign()
    await ensureApiPrograms()
    await compileTests()
    return countAva(await run('npx', ['ava', '--tap', ...avaPatterns('!.test-out/browser/**')], FREE))
  },
  browser: async () => {
    const env = { ...(await ensureBrowsers()), XRTC_TEST_HOST: MEDIA_HOST }
    await compileTests()
    const ava = 'npx ava --tap --concurrency=1 --serial --timeout=120s ".test-out/browser/**/*.spec.js"'
    const inNamespace = ['--map-root-user', '--net', 'sh', '-c', `${NAMESPACE} && exec ${ava}`]
    return countAva(await run('unshare', inNamespace, { ...FREE, env }))
  },
}

// Firefox takes no address of 127.0.0.0/8 as a candidate and Chromium no interface that is a loopback: browsers and server
// meet on one end of a virtual cable, in a network namespace that ends with the tests.
const MEDIA_HOST = '10.77.0.1'
const NAMESPACE = [
  'ip link set lo up',
  'ip link add xrtc0 type veth peer name xrtc1',
  `ip address add ${MEDIA_HOST}/24 dev xrtc0`,
  'ip link set xrtc0 up',
  'ip link set xrtc1 up',
  'ip route add default dev xrtc0',
].join(' && ')
const FREE = { tee: true, check: false }

await main(async () => {
  const wanted = process.argv.slice(2)
  const unknown = wanted.filter((name) => !(name in SUITES))
  if (unknown.length > 0)
    throw new Error(`no such suite: ${unknown.join(', ')} (there are: ${Object.keys(SUITES).join(', ')})`)
  await setUp()
  const total = { passed: 0, failed: 0 }
  for (const name of wanted.length > 0 ? wanted : Object.keys(SUITES)) {
    const { passed, failed } = await step(`${name} tests`, SUITES[name])
    console.log(`  ${name}: ${passed} passed, ${failed} failed`)
    total.passed += passed
    total.failed += failed
  }
  console.log(`${total.passed} passed, ${total.failed} failed`)
  if (total.failed > 0 || total.passed === 0) process.exitCode = 1
})

async function compileTests() {
  rmSync(join(root, '.test-out'), { recursive: true, force: true })
  await run('npx', ['tsc', '-p', '__test__'])
}

function avaPatterns(excluded) {
  return ['.test-out/**/*.spec.js', excluded]
}

// A binary that does not compile or crashes prints no result line: its exit code then counts as one failure.
function countCargo({ code, output }) {
  let passed = 0
  let failed = 0
  for (const [, ok, bad] of output.matchAll(/test result: \w+\. (\d+) passed; (\d+) failed/g)) {
    passed += Number(ok)
    failed += Number(bad)
  }
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed }
}

function countAva({ code, output }) {
  const passed = output.match(/^ok \d+/gm)?.length ?? 0
  const failed = output.match(/^not ok \d+/gm)?.length ?? 0
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed }
}
