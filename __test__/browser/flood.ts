// A flood of rubbish at an HTTP port: requests that cost a server work and mean nothing, at a steady rate over a few
// pipelined connections.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** How often each status was answered. Connections that were closed in the middle owe some answers. */
export type Answers = ReadonlyMap<number, number>

const CONNECTIONS = 16
const TURN_MS = 10

const SDP = { 'Content-Type': 'application/sdp' }
const FRAGMENT = { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' }
const NOBODY = '/whep-session/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
const RUBBISH: readonly string[] = [
  request('POST', '/whip/flood', SDP, 'v=0\r\nrubbish\r\n'),
  request('POST', '/whip/flood', SDP, `v=0\r\n${'a=x\r\n'.repeat(500)}`),
  request('POST', '/whep/flood', SDP, ''),
  request('POST', '/whep/flood', { 'Content-Type': 'application/json' }, '{"sdp":{}}'),
  request('POST', '/whip/%00', SDP, 'v=0\r\n'),
  request('POST', `/whip/${'x'.repeat(2_000)}`, SDP, 'v=0\r\n'),
  request('PATCH', NOBODY, FRAGMENT, 'a=ice-ufrag:abcd\r\n'),
  request('DELETE', NOBODY, {}, ''),
  request('PUT', '/whip/flood', {}, 'x'),
  request('GET', '/../../etc/passwd', {}, ''),
]

function request(method: string, path: string, headers: Readonly<Record<string, string>>, body: string): string {
  const all = { Host: 'flood', ...headers, 'Content-Length': String(body.length) }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  return [`${method} ${path} HTTP/1.1`, ...lines, '', body].join('\r\n')
}

/** Sends `count` requests, `perSecond` of them each second, each with a token of its own, and waits for the answers. */
export async function flood(url: string, { count, perSecond }: { count: number; perSecond: number }): Promise<Answers> {
  const { hostname, port } = new URL(url)
  const answers = new Map<number, number>()
  const lanes = Array.from({ length: CONNECTIONS }, () => new Lane(Number(port), hostname, answers))
  const begin = performance.now()
  for (let sent = 0; sent < count;) {
    const due = Math.min(count, Math.floor(((performance.now() - begin) / 1_000) * perSecond))
    for (; sent < due; sent += 1) {
      const text = RUBBISH[sent % RUBBISH.length] ?? ''
      await lanes[sent % CONNECTIONS]?.send(text.replace('\r\n', `\r\nAuthorization: Bearer made-up-${sent}\r\n`))
    }
    await delay(TURN_MS)
  }
  await Promise.all(lanes.map((lane) => lane.finish()))
  return answers
}

/** One connection, which is opened again when the server closes it. */
class Lane {
  readonly #address: readonly [port: number, host: string]
  readonly #answers: Map<number, number>
  #socket: Socket | undefined
  #tail = ''

  constructor(port: number, host: string, answers: Map<number, number>) {
    this.#address = [port, host]
    this.#answers = answers
  }

  async send(text: string): Promise<void> {
    const socket = this.#socket ?? this.#open()
    if (!socket.write(text)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => undefined)
  }

  async finish(): Promise<void> {
    const socket = this.#socket
    if (socket === undefined) return
    const closed = once(socket, 'close').catch(() => undefined)
    socket.end('GET /whip/last HTTP/1.1\r\nHost: flood\r\nConnection: close\r\n\r\n')
    await closed
  }

  #open(): Socket {
    const socket = connect(...this.#address).setEncoding('latin1')
    this.#socket = socket
    this.#tail = ''
    socket.on('data', (chunk: string) => this.#count(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined
    })
    return socket
  }

  #count(chunk: string): void {
    const text = this.#tail + chunk
    const pattern = /HTTP\/1\.1 (\d{3}) /g
    let end = 0
    for (let found = pattern.exec(text); found !== null; found = pattern.exec(text)) {
      const status = Number(found[1])
      this.#answers.set(status, (this.#answers.get(status) ?? 0) + 1)
      end = pattern.lastIndex
    }
    // A status line may be cut in the middle.
    this.#tail = text.slice(Math.max(end, text.length - 'HTTP/1.1 200 '.length + 1))
  }
}
