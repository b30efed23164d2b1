// What it costs that viewers come and go while others play: in a new process, in which V8 still compiles, and after it.

import { step } from '../steps.mjs'
import { generate, withServer } from './rig.mjs'
import { Report } from './report.mjs'

export const about =
  'viewers join and leave over HTTP while 500 others play: CPU per join, times to media, loss of the others'

export const options = {
  joins: { type: 'integer', default: 500, range: [1, 20000], about: 'joins of a storm; there are two' },
  pace: { type: 'integer', default: 50, range: [1, 1000], aimed: true, about: 'joins per second' },
  playing: { type: 'integer', default: 500, range: [5, 20000], aimed: true, about: 'viewers that play meanwhile' },
}

export async function run({ joins, pace, playing, changed }) {
  const people = ['-joins', joins, '-rate', pace, '-subs', '5', '-cold', String(playing - 5)]
  const storms = (server) => generate('join', [...server.flags, ...people, '-bitrate', '500k', '-codec', 'h264'])
  const [first, later] = await withServer(async (server) => [
    await step('two storms of a new process', () => storms(server)),
    await step('two more', () => storms(server)),
  ])
  const report = new Report(
    `join: ${joins} joins twice, ${pace} a second, while ${playing} play 500 kbit/s; and again`,
    changed,
  )
  add(report, '', first)
  add(report, ', later', later)
  report.print()
}

function add(report, when, found) {
  const times = ({ p50, p99 }) => `${p50.toFixed(1)} / ${p99.toFixed(1)} ms`
  const cpu = found.cpu_ms_per_join
  report.row(`CPU per join and leave${when}`, `${cpu.toFixed(2)} ms`, {
    remark: `with ${(found.media_packets / found.completed).toFixed(0)} packets of media each`,
    aim: '≤ 0.5 ms',
    holds: cpu <= 0.5,
  })
  report.row(`POST to answer, p50 / p99${when}`, times(found.answer_ms))
  report.row(`POST to first packet, p50 / p99${when}`, times(found.first_packet_ms))
  report.row(`POST to first key frame, p50 / p99${when}`, times(found.first_keyframe_ms))
  report.row(`lost by those that play${when}`, String(found.hot_lost), { aim: '0', holds: found.hot_lost === 0 })
  report.row(
    `resident memory${when}`,
    `${[found.rss_before_mb, ...found.rss_after_mb].map((mb) => mb.toFixed(1)).join(' → ')} MB`,
  )
  if (found.failed > 0) report.refuse(`${found.failed} joins failed`)
  if (found.cold.starved > 0) report.refuse(`${found.cold.starved} of those that play got less than 99 %`)
  if (found.host.other_pct > 5) report.warn(`other processes used ${found.host.other_pct.toFixed(0)} % of a CPU`)
}
