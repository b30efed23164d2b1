// A limit on how long the server may take for a request.

import { errorOf } from '../errors.ts'

/**
 * What `work` gives, if it does so in time. What comes too late after all is handed to `tooLate`, which must let go of
 * it; a late failure is nobody's business any more.
 *
 * @throws {LimitError} It took too long (`XRTC_OVERLOADED`).
 */
export function withinTime<T>(work: Promise<T>, timeoutMs: number, tooLate: (value: T) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    let late = false
    const timer = setTimeout(() => {
      late = true
      reject(errorOf('XRTC_OVERLOADED', 'the server did not answer in time'))
    }, timeoutMs)
    work.then(
      (value) => {
        if (late) return tooLate(value)
        clearTimeout(timer)
        resolve(value)
      },
      (error: unknown) => {
        clearTimeout(timer)
        reject(error)
      },
    )
  })
}
