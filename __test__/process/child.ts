// Runs Node.js programs in processes of their own.

import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'

/** The project's root folder, where `xrtc` can be imported by its name. */
export const root = fileURLToPath(new URL('../../', import.meta.url))

/** How a process ended and what it printed. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A running process. */
export interface Running {
  readonly child: ChildProcessWithoutNullStreams
  readonly ended: Promise<Ended>
  /** Waits until standard output matches, and gives the match. Fails if the process ends before. */
  readonly prints: (pattern: RegExp) => Promise<RegExpExecArray>
}

/** Starts `node` with these arguments; it is killed with its test. */
export function startNode(t: ExecutionContext, args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(process.execPath, args, { cwd: root, env: { ...withoutOwn(process.env), ...env } })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk))
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  t.teardown(() => child.kill('SIGKILL'))
  const prints = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(stdout)
        if (found !== null) resolve(found)
      }
      child.stdout.on('data', look)
      look()
      void ended.then(() => reject(new Error(`ended without ${pattern}:\n${stdout}${stderr}`)))
    })
  return { child, ended, prints }
}

/** Runs a module given as text. */
export function runModule(t: ExecutionContext, source: string): Promise<Ended> {
  return startNode(t, ['--input-type=module', '--eval', source]).ended
}

function withoutOwn(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('XRTC_')))
}
