// What every benchmark runs: the server on one core, the generator on the other, and the yardsticks of this machine.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { root, run, step, StepError } from '../steps.mjs'

const GENERATOR = join(root, 'benches/load/load')

/** Builds what the benchmarks run besides the server. */
export async function buildTools({ generator = true } = {}) {
  if (process.platform !== 'linux') throw new StepError('bench', 'needs Linux: CPU clocks, socket filters, taskset')
  if (availableParallelism() < 2)
    throw new StepError('bench', 'needs two CPUs: one for the server, one for the generator')
  await buildYardsticks()
  if (!generator) return
  await step('build the generator', () => run('go', ['build', '-C', 'benches/load', '-o', 'load', '.']))
}

/** Builds `crates/bench` as the binding is built, and next to it, so that they share what they are made of. */
export function buildYardsticks() {
  return step('build the yardsticks', async () => {
    const target = await hostTarget()
    await run('cargo', ['build', '--release', '--quiet', '-p', 'xrtc-bench', '--target', target])
  })
}

async function hostTarget() {
  const { output } = await run('rustc', ['-vV'], { capture: true })
  return output.match(/^host: (.+)$/m)[1]
}

/** Runs the generator and returns what it found. */
export function generate(command, flags) {
  return json(GENERATOR, [command, '-json', ...flags.map(String)])
}

/** Runs the generator, which waits at each of its steps (`-wait`) until `atStep` is done; returns what it found. */
export async function generateSteps(command, flags, atStep) {
  const child = spawn(GENERATOR, [command, '-json', '-wait', ...flags.map(String)], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  let last
  for await (const line of createInterface(child.stdout)) {
    last = JSON.parse(line)
    if (last.command !== undefined) continue
    await atStep(last)
    child.stdin.write('\n')
  }
  const [code] = await exited
  if (code !== 0 || last?.command === undefined) throw new StepError(command, `the generator ended with ${code}`)
  return last
}

/** Measures without a server: `limit`, `echo`, `micro` … of `crates/bench`. */
export async function yardstick(command, flags = []) {
  return json(await yardsticks(), [command, ...flags.map(String)])
}

async function yardsticks() {
  return join(root, 'target', await hostTarget(), 'release/xrtc-bench')
}

/** Packets per CPU-second by the way of sending, of what `limit` found. */
export function byMode({ runs }) {
  return Object.fromEntries(runs.map(({ mode, packetsPerCpuSecond }) => [mode, packetsPerCpuSecond]))
}

/** Starts a program that sends every datagram back, on CPU 0; it ends when nothing comes any more. */
export async function withReflector(action) {
  const child = spawn(await yardsticks(), ['reflect'], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  try {
    const [line] = await once(createInterface(child.stdout), 'line')
    return await action(JSON.parse(line).address)
  } finally {
    child.kill('SIGTERM')
    await exited
  }
}

/**
 * Starts the server under test, on CPU 0 unless told otherwise, and stops it when `action` is done. It also stops by
 * itself when this process ends.
 */
export async function withServer(action, { workers = 1, cpus = '0', nodeFlags = [] } = {}) {
  const program = [process.execPath, ...nodeFlags, join(root, 'benches/server.mjs')]
  const child = spawn('taskset', ['-c', cpus, ...program], {
    cwd: root,
    env: { ...process.env, WORKERS: String(workers) },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const reply = async () => {
    const { value, done } = await lines.next()
    if (done) throw new StepError('server', 'ended by itself')
    return JSON.parse(value)
  }
  try {
    const { url } = await reply()
    const ask = async (command, ...values) => {
      child.stdin.write(`${JSON.stringify([command, ...values])}\n`)
      return await reply()
    }
    const [whip, whep] = [`${url}/whip/bench`, `${url}/whep/bench`]
    const flags = ['-whip', whip, '-whep', whep, '-pid', String(child.pid)]
    return await action({ url, whip, whep, pid: child.pid, ask, flags })
  } finally {
    child.stdin.end()
    await exited
  }
}

async function json(command, args) {
  const { output } = await run(command, args, { capture: true })
  const line = output.trim().split('\n').at(-1)
  try {
    return JSON.parse(line)
  } catch {
    throw new StepError(command, `no result but: ${output}`)
  }
}
