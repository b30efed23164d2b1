// Runs commands as named steps, so that every script prints its progress and fails in the same way.

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The project's root folder. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/** A command that ended with another exit code than 0. */
export class StepError extends Error {
  constructor(name, reason) {
    super(`${name}: ${reason}`)
    this.name = 'StepError'
  }
}

/**
 * Runs one command in the project's root.
 * With `capture` its output is returned (standard error goes with it); with `tee` it is printed as well.
 */
export function run(command, args, { env = {}, capture = false, tee = false, check = true } = {}) {
  const shown = [command, ...args].join(' ')
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: capture || tee ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
    })
    let output = ''
    child.stdout?.on('data', (data) => {
      output += data
      if (tee) process.stdout.write(data)
    })
    child.stderr?.on('data', (data) => {
      output += data
      if (tee) process.stderr.write(data)
    })
    child.on('error', (error) => reject(new StepError(shown, explain(command, error))))
    child.on('close', (code, signal) => {
      if (check && code !== 0) {
        if (capture && !tee) process.stderr.write(output)
        reject(new StepError(shown, signal ? `ended by ${signal}` : `exit code ${code}`))
      } else {
        resolve({ code: code ?? 1, output })
      }
    })
  })
}

/** Prints the name of a step, runs it, and prints how long it took. */
export async function step(name, action) {
  const begin = process.hrtime.bigint()
  console.log(`▸ ${name}`)
  const result = await action()
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9
  if (seconds >= 1) console.log(`  ${name}: ${seconds.toFixed(1)} s`)
  return result
}

/** Runs a script's main function; a failed step is one line, anything else a stack. */
export async function main(action) {
  try {
    await action()
  } catch (error) {
    console.error(error instanceof StepError ? `✖ ${error.message}` : error)
    process.exitCode = 1
  }
}

function explain(command, error) {
  if (error.code !== 'ENOENT') return error.message
  return command === 'cargo'
    ? 'not found: install Rust (stable, 1.89 or later) and a C compiler, then try again'
    : 'not found on this machine'
}
