// Many publishers with one viewer each, against receive, open, seal and send alone; and publishers that nobody watches.

import { step } from '../steps.mjs'
import { generate, withServer, yardstick } from './rig.mjs'
import { percent, Report } from './report.mjs'

export const about = '300 publishers with one viewer each, 200 without: against the least that their packets cost'

export const options = {
  publishers: { type: 'string', default: '300', about: 'publishers with one viewer each' },
  alone: { type: 'string', default: '200', about: 'publishers without viewers' },
  rate: { type: 'string', default: '500k', about: 'video of each, bit/s' },
  seconds: { type: 'string', default: '10', about: 'length of a window' },
}

export async function run({ publishers, alone, rate, seconds }) {
  const report = new Report(`calls: ${rate}bit/s with Opus each, AES-256-GCM`)
  const measure = (streams, viewers) =>
    withServer(async ({ flags, ask }) => {
      const people = ['-streams', streams, '-viewers', viewers, '-probes', '0']
      const found = await generate('streams', [
        ...flags,
        ...people,
        '-rate',
        rate,
        '-codec',
        'h264',
        '-audio',
        '-duration',
        `${seconds}s`,
      ])
      return { found, stats: (await ask('stats')).result }
    })
  // The same packets, as often, without a server.
  const least = ({ sent, seconds, mean_payload: size, streams }, stages) =>
    yardstick('echo', [
      '--stages',
      stages,
      '--rate',
      Math.round(sent / seconds),
      '--size',
      Math.round(size),
      '--publishers',
      streams,
    ])
  const calls = await step(`${publishers} calls`, () => measure(publishers, '1'))
  const whole = await step('receive, open, seal, send', () => least(calls.found, 'send'))
  const share = whole.nsPerPacket / perPacket(calls.found)
  report.row(`${publishers} calls: CPU per packet`, `${perPacket(calls.found).toFixed(0)} ns`, {
    remark: `${calls.found.server.cpu_pct.toFixed(0)} % busy`,
  })
  report.row('  receive, open, seal, send alone', `${whole.nsPerPacket.toFixed(0)} ns`, {
    remark: `${percent(share)} of the server's rate`,
    aim: '≥ 70 %',
    holds: share >= 0.7,
  })
  report.row('  delivered', percent(calls.found.server.delivered_ratio, 3))
  report.checkStreams(calls.found, 'calls')

  const lonely = await step(`${alone} publishers without viewers`, () => measure(alone, '0'))
  const opened = await step('receive, open', () => least(lonely.found, 'open'))
  const sockets = lonely.stats.workers[0].sockets
  report.row(`${alone} publishers without viewers: CPU per packet`, `${perPacket(lonely.found).toFixed(0)} ns`, {
    remark: `receive and open alone ${opened.nsPerPacket.toFixed(0)} ns`,
  })
  const egress = sockets.datagramsSent / sockets.datagramsReceived
  report.row('  control packets sent per packet received, handshakes included', percent(egress, 2))
  report.print()
}

function perPacket({ sent, server }) {
  return (server.cpu_s * 1e9) / sent
}
