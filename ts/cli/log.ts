// The log of the command line: pino, to standard error, or asynchronously to a file.

import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { pino } from 'pino'
import type { Logger } from '../../index.d.ts'
import { reasonOf } from './file-error.ts'

/** A log that must be closed so that nothing of it is lost. */
export interface Log {
  readonly logger: Logger
  close(): Promise<void>
}

/** Opens the log. A file is appended to; lines wait in memory for its disk, never the media for either. */
export async function openLog(level: string, file: string | undefined): Promise<Log> {
  if (file !== undefined) assertWritable(file)
  const destination = pino.destination(
    file === undefined ? { dest: 2, sync: true } : { dest: file, sync: false, append: true },
  )
  if (file !== undefined) await new Promise((resolve) => destination.once('ready', resolve))
  // A full disk must not end the server: the line is lost, and standard error says so once.
  let told = false
  destination.on('error', (error: Error) => {
    if (!told) process.stderr.write(`xrtc: the log cannot be written: ${error.message}\n`)
    told = true
  })
  const logger = pino({ level, base: null }, destination)
  return { logger, close: () => flush(destination) }
}

function assertWritable(file: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true })
    closeSync(openSync(file, 'a'))
  } catch (cause) {
    throw new Error(`--log-file: ${file} cannot be written (${reasonOf(cause)})`, { cause })
  }
}

function flush(destination: ReturnType<typeof pino.destination>): Promise<void> {
  return new Promise((resolve) => {
    destination.once('close', () => resolve())
    destination.end()
  })
}
