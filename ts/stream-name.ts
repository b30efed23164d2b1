// The rules of stream names, for the API and for URLs alike; the workers hold the same rules.

import { errorOf } from './errors.ts'

const MAX_BYTES = 256

/** Gives back a name that keeps the rules; throws `XRTC_INVALID_STREAM_NAME` otherwise. */
export function parseStreamName(name: unknown): string {
  const problem = typeof name === 'string' ? problemOf(name) : 'is a string'
  if (problem !== undefined) throw errorOf('XRTC_INVALID_STREAM_NAME', `a stream name ${problem}`)
  return name as string
}

/** Reads the name out of the part of a URL's path that holds it, decoding it exactly once. */
export function decodeStreamName(path: string): string {
  let name: string
  try {
    name = decodeURIComponent(path)
  } catch {
    throw errorOf('XRTC_INVALID_STREAM_NAME', 'a stream name in a URL is percent-encoded UTF-8')
  }
  return parseStreamName(name)
}

/** Writes a name into a URL's path: slashes stay. */
export function encodeStreamName(name: string): string {
  return name.split('/').map(encodeURIComponent).join('/')
}

function problemOf(name: string): string | undefined {
  if (name === '') return 'is not empty'
  if (!name.isWellFormed()) return 'is well-formed Unicode'
  if (Buffer.byteLength(name) > MAX_BYTES) return `has at most ${MAX_BYTES} bytes`
  if (/\p{Cc}/u.test(name)) return 'has no control characters'
  const segments = name.split('/')
  if (segments.includes('')) return 'has no empty segment'
  if (segments.some((segment) => segment === '.' || segment === '..')) return 'has no `.` or `..` segment'
  return undefined
}
