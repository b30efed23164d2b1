// The steps of a packet's journey in process, as ratios to the AES-GCM seal of the same size.

import { yardstick } from './rig.mjs'
import { Report } from './report.mjs'

export const about =
  'parse, seal, open, STUN checks, and forward 1 → N in process, as a ratio to AES-256-GCM of the same size'

export const options = {
  size: { type: 'integer', default: 1200, range: [100, 1200], about: 'payload bytes' },
  viewers: { type: 'integer', default: 100, range: [1, 5000], about: 'viewers of the forwarded stream' },
}

export const needs = { server: false, generator: false }

export async function run({ size, viewers }) {
  const { steps } = await yardstick('micro', ['--size', size, '--viewers', viewers])
  const report = new Report(`micro: payloads of ${size} bytes, the least of seven runs`)
  for (const { step, ns, ratio } of steps)
    report.row(step, `${ns.toFixed(1)} ns`, { remark: `${ratio.toFixed(2)} of the seal` })
  for (const action of ['seal', 'open']) {
    const [short, long] = [128, 256].map(
      (bits) => steps.find(({ step }) => step === `${action} AEAD_AES_${bits}_GCM`).ns,
    )
    report.row(`${action}: AES-128-GCM to AES-256-GCM`, (short / long).toFixed(2))
  }
  report.print()
}
