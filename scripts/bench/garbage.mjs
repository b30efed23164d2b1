// What a packet costs that is thrown away, and whether those who watch notice.

import { step } from '../steps.mjs'
import { generate, withServer, yardstick } from './rig.mjs'
import { Report, thousands } from './report.mjs'

export const about = '200,000 bad packets a second while 105 viewers play: cost beyond the kernel, memory, loss'

export const options = {
  rate: { type: 'integer', default: 200000, range: [1000, 2000000], aimed: true, about: 'bad packets per second' },
  kinds: {
    type: 'list',
    default: 'random,rtp,stun,dtls,viewer',
    choices: ['random', 'rtp', 'stun', 'dtls', 'viewer'],
    about: 'kinds of packets; viewer: from the address of a real one',
  },
}

export async function run({ rate, kinds, changed }) {
  const flags = ['-garbage-rate', rate, '-kinds', kinds.join(','), '-codec', 'h264', '-audio']
  const found = await step('the floods', () => withServer((server) => generate('garbage', [...server.flags, ...flags])))
  const kernel = await step('receiving alone', () =>
    yardstick('echo', ['--stages', 'receive', '--size', '172', '--publishers', '1', '--rate', rate]),
  )
  const report = new Report(`garbage: ${thousands(rate)} packets a second, 105 viewers of 1.5 Mbit/s`, changed)
  report.row('receiving alone', `${kernel.nsPerPacket.toFixed(0)} ns`)
  const { quiet, floods } = found
  for (const { kind, sent, rate: reached, window } of floods) {
    const extra = window.server.cpu_s - quiet.server.cpu_s * (window.seconds / quiet.seconds)
    const beyond = (extra * 1e9) / sent - kernel.nsPerPacket
    report.row(`${kind}: cost beyond that`, `${beyond.toFixed(0)} ns`, {
      remark: `${thousands(reached)}/s, ${window.server.cpu_pct.toFixed(0)} % busy`,
      aim: '≤ 1,000 ns',
      holds: beyond <= 1000,
    })
    report.row('  lost by those that play', String(window.hot.lost), { aim: '0', holds: window.hot.lost === 0 })
    report.checkWindow(window, [], kind)
  }
  const growth = floods.at(-1).window.server.rss_mb - quiet.server.rss_mb
  report.row('growth of resident memory', `${growth.toFixed(1)} MB`, { aim: '≤ 2 MB', holds: growth <= 2 })
  report.print()
}
