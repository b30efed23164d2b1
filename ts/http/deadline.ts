// A limit on how long the server may take for a request.

import { errorOf } from '../errors.ts'

/**
 * What `work` gives, if it does so in time. What comes too late after all is handed to `tooLate`, which must let go of
 * it; a late failure is nobody's business any more.
 *
 * @throws {LimitError} It took too long (`XRTC_OVERLOADED`).
 */
export async function withinTime<T>(work: Promise<T>, timeoutMs: number, tooLate: (value: T) => void): Promise<T> {
  const late = Symbol('late')
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<typeof late>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, late)
  })
  try {
    const value = await Promise.race([work, deadline])
    if (value !== late) return value
  } finally {
    clearTimeout(timer)
  }
  work.then(tooLate, () => undefined)
  throw errorOf('XRTC_OVERLOADED', 'the server did not answer in time')
}
