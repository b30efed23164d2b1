// The other media server of `__test__/foreign`, as a process that the test ends.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'

const PROGRAM = fileURLToPath(new URL('../../__test__/foreign/foreign', import.meta.url))

/** What the other server has counted, as `figures` in `main.go`. */
export interface Figures {
  readonly sessions: number
  readonly ended: number
  readonly frames: number
  readonly keyFrames: number
  readonly broken: number
  readonly audio: number
  readonly authorization: string
}

/** A running one. */
export interface Foreign {
  readonly url: string
  figures(): Promise<Figures>
  /** Ends it without a word. */
  kill(): Promise<void>
}

/** Starts one; without a port at a free one. */
export async function startForeign(t: ExecutionContext, flags: readonly string[] = []): Promise<Foreign> {
  const child = spawn(PROGRAM, flags, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
  }
  t.teardown(kill)
  const [url] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    exited.then(() => Promise.reject(new Error('the foreign server ended'))),
  ])) as [string]
  const figures = async (): Promise<Figures> => (await (await fetch(`${url}/figures`)).json()) as Figures
  return { url, figures, kill }
}

/** A port that is free now, for a server that is to come back at the same address. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
