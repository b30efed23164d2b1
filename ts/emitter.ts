// The one emitter of all public objects: Node's own, but a listener that throws harms nobody else.

import { EventEmitter } from 'node:events'

/** Takes what a listener of `event` threw, or what its promise was rejected with. */
export type ListenerErrorReport = (error: unknown, event: string) => void

/** An `EventEmitter` whose listeners are isolated from each other and from the emitting code. */
export class Emitter<Events extends Record<keyof Events, unknown[]>> extends EventEmitter<Events> {
  readonly #report: ListenerErrorReport

  constructor(report: ListenerErrorReport) {
    super()
    this.#report = report
    // Many peers may be watched by many parts of an app; the warning about leaks is of no use here.
    this.setMaxListeners(0)
  }

  /** Tells an event to its listeners. */
  tell<Name extends keyof Events>(name: Name, ...args: Events[Name]): boolean {
    return this.emit(name, ...args)
  }

  /** Calls the listeners in order. What they throw goes to the report, not to the caller. */
  override emit<Name>(name: Name | keyof Events, ...args: unknown[]): boolean {
    if (this.listenerCount(name as never) === 0) return false
    const listeners: readonly Function[] = this.rawListeners(name as never)
    for (const listener of listeners) {
      try {
        const result: unknown = Reflect.apply(listener, this, args)
        if (result instanceof Promise) result.catch((error: unknown) => this.#report(error, String(name)))
      } catch (error) {
        this.#report(error, String(name))
      }
    }
    return true
  }
}
