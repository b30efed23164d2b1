// Who is at the other end when reverse proxies stand between.

import proxyAddress from 'proxy-addr'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import type { SignalingOptions, SignalingRequest } from '../../index.d.ts'
import { errorOf } from '../errors.ts'

/** Gives a request's client address. */
export type ClientAddress = (request: SignalingRequest) => string | undefined

/**
 * Makes it by the proxies that are trusted.
 *
 * @throws {InvalidArgumentError} It is no number, list of networks or function.
 */
export function clientAddressBehind(trusted: SignalingOptions['trustProxy']): ClientAddress {
  if (trusted === undefined || trusted === 0) return ({ remoteAddress }) => remoteAddress
  const trusts = compile(trusted)
  return ({ remoteAddress, headers }) => {
    if (remoteAddress === undefined) return undefined
    // The two members that the library reads.
    const chain = { headers, socket: { remoteAddress } } as unknown as IncomingMessage
    const address = proxyAddress(chain, trusts)
    return isIP(address) === 0 ? remoteAddress : address
  }
}

function compile(trusted: NonNullable<SignalingOptions['trustProxy']>): (address: string, hop: number) => boolean {
  if (typeof trusted === 'function') return trusted
  if (typeof trusted === 'number') {
    if (Number.isInteger(trusted) && trusted > 0) return (_, hop) => hop < trusted
    throw errorOf('XRTC_INVALID_ARGUMENT', 'trustProxy is a whole number of proxies')
  }
  if (!Array.isArray(trusted)) {
    throw errorOf('XRTC_INVALID_ARGUMENT', 'trustProxy is a number of proxies, an array of networks or a function')
  }
  try {
    return proxyAddress.compile([...trusted])
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw errorOf('XRTC_INVALID_ARGUMENT', `trustProxy has something that is no network: ${why}`)
  }
}
