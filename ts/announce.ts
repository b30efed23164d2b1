// Addresses to offer to peers, and those of STUN servers: read, and their names resolved once.

import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { BindingAnnounced } from './binding.d.ts'
import { errorOf } from './errors.ts'

/** An address as it was written. */
export interface WrittenAddress {
  /** An IP address or a name. */
  readonly host: string
  readonly port: number | undefined
}

/**
 * Reads `192.0.2.1`, `192.0.2.1:8800`, `2001:db8::1`, `[2001:db8::1]:8800`, `media.example.com` and
 * `media.example.com:8800`.
 *
 * @throws {InvalidArgumentError} It is none of these.
 */
export function parseAddress(written: string): WrittenAddress {
  if (isIP(written) !== 0) return { host: written, port: undefined }
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]\s/]+))(?::(\d{1,5}))?$/.exec(written) ?? []
  const host = bracketed ?? plain
  const port = digits === undefined ? undefined : Number(digits)
  if (host === undefined || (bracketed !== undefined && isIP(bracketed) !== 6) || port === 0 || (port ?? 0) > 65_535) {
    throw errorOf('XRTC_INVALID_ARGUMENT', `not an ADDRESS[:PORT]: ${written}`)
  }
  return { host, port }
}

/**
 * Resolves names to all their addresses, in order.
 *
 * @throws {NetworkError} A name has no address.
 */
export async function resolveAddresses(written: readonly string[]): Promise<BindingAnnounced[]> {
  const resolved = await Promise.all(written.map((entry) => resolve(parseAddress(entry))))
  return resolved.flat()
}

async function resolve({ host, port }: WrittenAddress): Promise<BindingAnnounced[]> {
  const addresses = isIP(host) === 0 ? await lookUp(host) : [host]
  return addresses.map((address) => (port === undefined ? { address } : { address, port }))
}

async function lookUp(name: string): Promise<readonly string[]> {
  try {
    const entries = await lookup(name, { all: true })
    return entries.map((entry) => entry.address)
  } catch (cause) {
    throw errorOf('XRTC_UNRESOLVED_ADDRESS', `the name ${name} has no address`, { cause })
  }
}
