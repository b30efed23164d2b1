// Many publishers with one viewer each, against receive, open, seal and send alone; and publishers that nobody watches.

import { setTimeout as after } from 'node:timers/promises'
import { step } from '../steps.mjs'
import { generate, withServer, yardstick } from './rig.mjs'
import { median, percent, Report } from './report.mjs'

export const about = '300 publishers with one viewer each, 200 without: against the least that their packets cost'

export const options = {
  publishers: {
    type: 'integer',
    default: 300,
    range: [1, 5000],
    aimed: true,
    about: 'publishers with one viewer each',
  },
  alone: { type: 'integer', default: 200, range: [1, 5000], aimed: true, about: 'publishers without viewers' },
  rate: { type: 'bitrate', default: '500k', aimed: true, about: 'video of each, bit/s' },
  more: {
    type: 'bitrate',
    default: '1400k',
    aimed: true,
    about: 'video of each in the second run, about what the generator can send',
  },
  seconds: { type: 'integer', default: 10, range: [1, 600], about: 'length of a window' },
}

// The publishers know nothing of each other: their packets do not leave in one burst per millisecond.
const TICK = ['-tick', '50us']

export async function run({ publishers, alone, rate, more, seconds, changed }) {
  const report = new Report(`calls: ${publishers} publishers with Opus, AES-256-GCM`, changed)
  for (const each of [rate, more]) {
    const name = `${publishers} calls of ${each}bit/s`
    const { found, perBatch } = await step(name, () => measure(publishers, '1', each, seconds))
    const hot = await step('receive, open, seal, send', () => least(found, 'send'))
    const paced = await step('the same, woken as often', () => least(found, 'send', perBatch))
    report.row(`${name}: CPU per packet`, ns(perPacket(found)), {
      remark: `${found.server.cpu_pct.toFixed(0)} % busy, ${perBatch.toFixed(1)} datagrams a batch`,
    })
    const share = hot.nsPerPacket / perPacket(found)
    report.row('  receive, open, seal, send alone, the same rate', ns(hot.nsPerPacket), {
      remark: `${hot.packetsPerBatch.toFixed(1)} a batch`,
    })
    report.row("    the server's packets per CPU-second, as a share of that", percent(share), {
      aim: '≥ 70 %',
      holds: share >= 0.7,
    })
    report.row('  the same, woken as often, without control packets', ns(paced.nsPerPacket), {
      remark: `${paced.packetsPerBatch.toFixed(1)} a batch`,
    })
    report.row('    the server, as a share of that', percent(paced.nsPerPacket / perPacket(found)))
    report.row('  delivered', percent(found.server.delivered_ratio, 3))
    report.checkStreams(found, name)
  }

  const lonely = await step(`${alone} publishers without viewers`, () => measure(alone, '0', rate, seconds))
  const opened = await step('receive, open', () => least(lonely.found, 'open'))
  const { sockets } = lonely.stats.workers[0]
  report.row(`${alone} publishers without viewers: CPU per packet`, ns(perPacket(lonely.found)), {
    remark: `receive and open alone ${ns(opened.nsPerPacket)}`,
  })
  const egress = sockets.datagramsSent / sockets.datagramsReceived
  report.row('  control packets sent per packet received, handshakes included', percent(egress, 2))
  report.print()
}

/** What the generator found, and how many datagrams a receive call brought while all of them sent. */
function measure(streams, viewers, rate, seconds) {
  return withServer(async ({ flags, ask }) => {
    const people = ['-streams', streams, '-viewers', viewers, '-probes', '0']
    const media = ['-rate', rate, '-codec', 'h264', '-audio', '-duration', `${seconds}s`]
    const running = generate('streams', [...flags, ...people, ...media, ...TICK])
    const seen = await sample(ask, running)
    return { found: await running, perBatch: datagramsPerBatch(seen), stats: (await ask('stats')).result }
  })
}

/** The counters of the server's socket, twice a second until `running` is done. */
async function sample(ask, running) {
  const seen = []
  const ended = running.then(
    () => true,
    () => true, // why is told by whoever awaits it
  )
  do {
    const { datagramsReceived, receiveBatches } = (await ask('stats')).result.workers[0].sockets
    seen.push({ datagramsReceived, receiveBatches })
  } while (!(await Promise.race([ended, after(500, false)])))
  return seen
}

function datagramsPerBatch(seen) {
  const steps = seen.slice(1).map((now, index) => ({
    datagrams: now.datagramsReceived - seen[index].datagramsReceived,
    batches: now.receiveBatches - seen[index].receiveBatches,
  }))
  const most = Math.max(...steps.map(({ datagrams }) => datagrams))
  const full = steps.filter(({ datagrams }) => datagrams > 0.8 * most)
  return median(full.map(({ datagrams, batches }) => datagrams / batches))
}

/** The same packets, as often, without a server; in batches of so many if that is said. */
function least({ sent, seconds, mean_payload: size, streams }, stages, perBatch) {
  const rate = Math.round(sent / seconds)
  const flags = ['--stages', stages, '--rate', rate, '--size', Math.round(size), '--publishers', streams]
  return yardstick('echo', perBatch ? [...flags, '--moments', Math.round(rate / perBatch)] : flags)
}

function perPacket({ sent, server }) {
  return (server.cpu_s * 1e9) / sent
}

function ns(value) {
  return `${value.toFixed(0)} ns`
}
