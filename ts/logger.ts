// The app's logger, kept from doing harm: what it throws reaches neither the peers nor the packets.

import type { Logger } from '../index.d.ts'

/** The levels of a logger, which are its calls. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const satisfies readonly (keyof Logger)[]

type Level = (typeof LOG_LEVELS)[number]

/**
 * A logger that never throws. What the app's one throws, or what its promise is rejected with, goes to `report` until
 * that says that somebody listened: a logger that is broken would tell the same with every line.
 */
export class IsolatedLogger implements Logger {
  readonly #logger: Logger
  readonly #report: (error: unknown) => boolean
  // Also while it is being reported, for a listener of the report that throws is logged.
  #reported = false

  constructor(logger: Logger, report: (error: unknown) => boolean) {
    this.#logger = logger
    this.#report = report
  }

  debug(fields: object, message: string): void {
    this.#log('debug', fields, message)
  }

  info(fields: object, message: string): void {
    this.#log('info', fields, message)
  }

  warn(fields: object, message: string): void {
    this.#log('warn', fields, message)
  }

  error(fields: object, message: string): void {
    this.#log('error', fields, message)
  }

  #log(level: Level, fields: object, message: string): void {
    try {
      const result: unknown = this.#logger[level](fields, message)
      if (result instanceof Promise) result.catch((error: unknown) => this.#failed(error))
    } catch (error) {
      this.#failed(error)
    }
  }

  #failed(error: unknown): void {
    if (this.#reported) return
    this.#reported = true
    this.#reported = this.#report(error)
  }
}
