// npm run bench [-- load | quality] [-- flags of the generator]: the server pinned to one core, the generator to the other.
//   load     one publisher, 500 viewers: packets per CPU-second beside the machine's limit, measured in the same run
//   quality  viewers and publisher behind bad networks

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { setUp } from './setup.mjs'
import { main, root, run, step } from './steps.mjs'

const GENERATOR = join(root, 'benches/load/load')

const BENCHES = {
  load: async (flags) => {
    const limit = await step('the limit of this machine', () => limitOf('gcm'))
    const measured = await step('one publisher, 500 viewers', () => withServer((url, pid) => measure(url, pid, flags)))
    printLoad(measured, limit)
  },
  quality: (flags) =>
    withServer((url) =>
      step('bad networks', () =>
        run(GENERATOR, [
          'quality',
          ...endpoints(url),
          '-scenes',
          'clean,loss5,loss10,loss20,burst,uplink5',
          '-codec',
          'h264',
          ...flags,
        ]),
      ),
    ),
}

await main(async () => {
  const [name = 'load', ...flags] = process.argv.slice(2)
  const bench = BENCHES[name]
  if (!bench) throw new Error(`no such benchmark: ${name} (there are: ${Object.keys(BENCHES).join(', ')})`)
  await setUp()
  await step('build the generator', () => run('go', ['build', '-C', 'benches/load', '-o', 'load', '.']))
  await bench(flags)
})

async function limitOf(cipher) {
  const { output } = await run(GENERATOR, ['limit', '-json', '-cipher', cipher], { capture: true })
  return JSON.parse(output)
}

async function measure(url, pid, flags) {
  const args = [
    'sfu',
    '-json',
    ...endpoints(url),
    '-pid',
    String(pid),
    '-subs',
    '5',
    '-cold',
    '495',
    '-rate',
    '1.5M',
    '-codec',
    'h264',
  ]
  const { output } = await run(GENERATOR, [...args, '-audio', '-duration', '20s', ...flags], {
    capture: true,
    check: true,
  })
  return JSON.parse(output)
}

function endpoints(url) {
  return ['-whip', `${url}/whip/bench`, '-whep', `${url}/whep/bench`]
}

async function withServer(action) {
  const child = spawn('taskset', ['-c', '0', process.execPath, join(root, 'benches/server.mjs')], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const [line] = await once(createInterface(child.stdout), 'line')
    return await action(JSON.parse(line).url, child.pid)
  } finally {
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
}

function printLoad({ window, subscriber_srtp: srtp, rss_per_subscriber_mb: memory, warnings }, { runs }) {
  const ours = window.server.packets_per_cpu_s
  const rows = [
    [
      'packets per CPU-second',
      thousands(ours),
      `${Object.keys(srtp).join(', ')}, ${window.server.cpu_pct.toFixed(0)} % busy`,
    ],
    ...runs.map(({ mode, packets_per_cpu_s: most }) => [
      `limit ${mode}`,
      thousands(most),
      `xrtc reaches ${((100 * ours) / most).toFixed(1)} %`,
    ]),
    [
      'delivered',
      `${(100 * window.server.delivered_ratio).toFixed(3)} %`,
      `${window.cold.starved} of ${window.cold.subscribers} starved`,
    ],
    ['loss of those that check every packet', `${window.hot.loss_pct.toFixed(3)} %`, `${window.hot.corrupt} corrupt`],
    [
      'delay to the socket, p50 / p99',
      `${window.hot.net_delay_ms.p50.toFixed(2)} / ${window.hot.net_delay_ms.p99.toFixed(2)} ms`,
      '',
    ],
    ['memory per viewer', `${(1000 * memory).toFixed(0)} KB`, ''],
  ]
  for (const [name, value, remark] of rows) console.log(`${name.padEnd(40)} ${value.padStart(18)}  ${remark}`)
  for (const warning of warnings ?? []) console.log(`warning: ${warning}`)
}

function thousands(value) {
  return `${(value / 1000).toFixed(1)} k`
}
