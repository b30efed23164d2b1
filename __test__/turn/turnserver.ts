// coturn's server, as a process that the test ends.

import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { IceServer } from 'xrtc'
import { until } from '../harness.ts'

const PROGRAM = process.env['XRTC_TURNSERVER'] ?? '/usr/bin/turnserver'

/** A running one, on the loopback. */
export interface TurnServer {
  readonly iceServer: IceServer
  /** What it has logged. */
  log(): string
  /** How many lines of its log look so. */
  count(pattern: RegExp): number
  /** Ends it without a word. */
  kill(): Promise<void>
}

/** Starts one that knows `ann`; its relayed addresses reach the loopback. */
export async function startTurnServer(t: ExecutionContext, flags: readonly string[] = []): Promise<TurnServer> {
  const [port, folder] = [await freeUdpPort(), mkdtempSync(join(tmpdir(), 'xrtc-turn-'))]
  const child = spawn(
    PROGRAM,
    [
      ...['-n', '--no-cli', '--no-tls', '--no-dtls', '--no-tcp', '--no-tcp-relay', '--allow-loopback-peers'],
      ...['--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', `--listening-port=${port}`],
      ...['--lt-cred-mech', '--user=ann:north', '--realm=xrtc', '--log-file=stdout', '--simple-log', '--verbose'],
      ...[`--pidfile=${join(folder, 'pid')}`, `--userdb=${join(folder, 'db')}`, ...flags],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder },
  )
  const exited = once(child, 'exit')
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
  }
  t.teardown(async () => {
    await kill()
    rmSync(folder, { recursive: true, force: true })
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (output += text.toString()))
  const log = (): string => output
  await until(() => {
    if (child.exitCode !== null) throw new Error(`turnserver ended: ${output}`)
    return /UDP listener opened/.test(output)
  })
  const iceServer = { urls: `turn:127.0.0.1:${port}`, username: 'ann', credential: 'north' }
  const count = (pattern: RegExp): number => output.split('\n').filter((line) => pattern.test(line)).length
  return { iceServer, log, count, kill }
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address() as AddressInfo
  socket.close()
  await once(socket, 'close')
  return port
}
