// Another server, in a process of its own: pulls a stream as its arguments say, and tells its path once media flows.

import { createServer } from 'xrtc'
import type { CandidateStats, IceServer } from 'xrtc'

const [url = '', servers = '[]'] = process.argv.slice(2)
const server = await createServer({ workers: 1 })
const iceServers = JSON.parse(servers) as readonly IceServer[]
const pull = server.pullFrom(url, 'far', { iceServers, maxRetries: 0 })

async function tell(): Promise<void> {
  const stats = [...(await pull.getStats()).values()]
  const isLocal = (record: (typeof stats)[number]): record is CandidateStats => record.type === 'local-candidate'
  process.stdout.write(`${stats.find(isLocal)?.candidateType}\n`)
}

pull.on('closed', ({ reason }) => {
  process.stdout.write(`closed: ${reason}\n`)
  void server.close()
})
server.on('streamadded', ({ stream }) => {
  stream.on('change', () => {
    if (stream.live) void tell()
  })
})
// Until the test has seen enough.
process.stdin.on('end', () => void server.close()).resume()
