// The shapes of arguments: checked with a clear message, before the boundary. What they mean is checked natively.

import type { IceMode, MediaKinds } from '../index.d.ts'
import { errorOf } from './errors.ts'

/** A text, or nothing where that is allowed. */
export function text(name: string, value: unknown): string {
  if (typeof value !== 'string') throw invalid(`${name} is a string`)
  return value
}

/** Yes, no or nothing. */
export function flag(name: string, value: unknown): boolean | undefined {
  if (value !== undefined && typeof value !== 'boolean') throw invalid(`${name} is true or false`)
  return value
}

/** Which part of ICE, or nothing. */
export function iceMode(value: unknown): IceMode | undefined {
  if (value === undefined || value === 'lite' || value === 'full') return value
  throw invalid("ice is 'lite' or 'full'")
}

/** Refuses what is no options object, and misspelt options. */
export function known(name: string, options: unknown, keys: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw invalid(`the options of ${name} are an object`)
  const stranger = Object.keys(options).find((key) => !keys.includes(key))
  if (stranger === undefined) return
  throw invalid(`${name} has no option ${stranger}; there are ${keys.toSorted().join(', ')}`)
}

/** Which kinds of media, as far as they are said. */
export function mediaKinds(name: string, media: unknown): void {
  if (media === undefined) return
  known(name, media, ['audio', 'video'])
  const { audio, video } = media as MediaKinds
  flag(`${name}.audio`, audio)
  flag(`${name}.video`, video)
  if (audio === false && video === false && name === 'media') throw invalid('media has neither audio nor video')
}

/** The error for a wrong argument. */
export function invalid(message: string): Error {
  return errorOf('XRTC_INVALID_ARGUMENT', message)
}

/** A whole number in a range, or nothing. */
export function integer(name: string, value: unknown, [least, most]: readonly [number, number]): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
  throw invalid(`${name} is an integer from ${least} to ${most}`)
}
