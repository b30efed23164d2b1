// What this machine can do at best: a packet sealed for every receiver and sent, nothing around it.

import { generate, yardstick } from './rig.mjs'
import { percent, Report, thousands } from './report.mjs'

export const about = "the machine's limit with the server's own crypto, and the generator's (Go) as a cross-check"

export const options = {
  ciphers: { type: 'list', default: 'gcm256,gcm128,cm', choices: ['gcm256', 'gcm128', 'cm', 'cm32'], about: 'ciphers' },
  size: { type: 'integer', default: 1200, range: [1, 1400], about: 'payload bytes' },
}

export const needs = { server: false }

// The ciphers and ways of sending that the generator has too, by its names.
const IN_GO = { gcm128: 'gcm', cm: 'cm' }
const MODES_IN_GO = { sendto: 'sendto', sendmmsg64: 'mmsg64', gso4: 'gso4', gso8: 'gso8', sendmmsg16gso4: 'mmsg16gso4' }

export async function run({ ciphers, size }) {
  const report = new Report(`limit: payloads of ${size} bytes to 500 receivers, packets per CPU-second`)
  for (const cipher of ciphers) {
    const { runs } = await yardstick('limit', ['--cipher', cipher, '--size', size])
    const check = IN_GO[cipher]
      ? await generate('limit', ['-cipher', IN_GO[cipher], '-size', size, '-time', '1s'])
      : undefined
    for (const { mode, packetsPerCpuSecond: rate, delivered } of runs) {
      const other = check?.runs.find((run) => run.mode === MODES_IN_GO[mode])?.packets_per_cpu_s
      const remark = other ? `in Go ${thousands(other)}, ${percent(other / rate)} of it` : ''
      report.row(`${cipher} ${mode}`, thousands(rate), { remark })
      if (delivered !== 1) report.refuse(`${cipher} ${mode}: ${percent(delivered, 3)} delivered`)
    }
  }
  report.print()
}
