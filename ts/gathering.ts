// Whom peers with full ICE ask for addresses: ICE servers as in the browser, read, and their names resolved.

import { setTimeout as sleep } from 'node:timers/promises'
import type { IceServer, IceTransportPolicy } from '../index.d.ts'
import { parseAddress, resolveAddresses } from './announce.ts'
import type { BindingAnnounced, BindingIceServer } from './binding.d.ts'
import { CREDENTIAL_TYPE_RULE, iceUrls, ICE_URLS_RULE, isPassword } from './ice-server.ts'
import { errorOf } from './errors.ts'
import { integer, invalid, known, text } from './options.ts'

/** What the native side is told of it. */
export interface Gathering {
  readonly iceServers?: BindingIceServer[]
  readonly relayOnly?: boolean
  readonly gatherTimeoutMs?: number
  /** Servers whose names have no address now. They are passed over, unless there is no other. */
  readonly unresolved?: readonly UnresolvedServer[]
}

/** A server that cannot be asked. */
export interface UnresolvedServer {
  readonly url: string
  readonly error: Error
}

/** Gives it, at once where no name has to be resolved. */
export type Gather = () => Gathering | Promise<Gathering>

/** The options that say so. */
export interface GatherOptions {
  readonly iceServers?: readonly IceServer[]
  readonly iceTransportPolicy?: IceTransportPolicy
  readonly gatherTimeoutMs?: number
}

/** A server that can be asked. */
interface WrittenServer {
  readonly url: string
  readonly address: string
  readonly username?: string
  readonly credential?: string
}

// RFC 7064 §3.1, RFC 7065 §3.1.
const ICE_URL = /^(stuns?|turns?):([^?]+)(?:\?transport=(udp|tcp))?$/i
const PORT = 3_478
const MAX_SERVERS = 16
/** As many as a worker asks for one peer. */
const MAX_TURN_URLS = 4

/**
 * Checks the options of one peer or, without `base`, of the server. What one does not say is as in `base`.
 *
 * @throws {InvalidArgumentError} They do not fit.
 */
export function gatherOf(options: GatherOptions, base: GatherOptions = {}): Gather {
  const iceTransportPolicy = policyOf(options.iceTransportPolicy) ?? base.iceTransportPolicy ?? 'all'
  const written = writtenServers(options.iceServers ?? base.iceServers ?? [])
  const relayOnly = iceTransportPolicy === 'relay'
  const servers = relayOnly ? written.filter(({ username }) => username !== undefined) : written
  if (relayOnly && servers.length === 0) throw invalid("iceTransportPolicy 'relay' needs a TURN server in iceServers")
  const limitMs = gatherTimeoutOf(options) ?? base.gatherTimeoutMs
  if (servers.length === 0) return () => ({})
  return async () => {
    const before = performance.now()
    const resolved = await Promise.all(servers.map((server) => resolve(server, limitMs)))
    const unresolved = resolved.filter((one) => 'error' in one)
    const found = resolved.flatMap((one) => ('error' in one ? [] : one))
    if (relayOnly && found.length === 0 && unresolved[0] !== undefined) throw unresolved[0].error
    if (limitMs === undefined) return { iceServers: found, relayOnly, unresolved }
    const gatherTimeoutMs = Math.max(1, Math.round(limitMs - (performance.now() - before)))
    return { iceServers: found, relayOnly, unresolved, gatherTimeoutMs }
  }
}

/** Checks how long gathering may take, if it is said. */
export function gatherTimeoutOf({ gatherTimeoutMs }: GatherOptions): number | undefined {
  return integer('gatherTimeoutMs', gatherTimeoutMs, [1, 600_000])
}

/** Checks what kind of addresses may be used, if it is said. */
export function policyOf(policy: unknown): IceTransportPolicy | undefined {
  if (policy === undefined || policy === 'all' || policy === 'relay') return policy
  throw invalid("iceTransportPolicy is 'all' or 'relay'")
}

function writtenServers(servers: unknown): readonly WrittenServer[] {
  if (!Array.isArray(servers) || servers.length > MAX_SERVERS) {
    throw invalid(`iceServers is an array of at most ${MAX_SERVERS} servers`)
  }
  const written = servers.flatMap((server: unknown) => writtenServer(server))
  if (written.length > MAX_SERVERS) throw invalid(`iceServers has at most ${MAX_SERVERS} URLs over UDP`)
  const turns = written.filter(({ username }) => username !== undefined)
  if (turns.length > MAX_TURN_URLS)
    throw invalid(`iceServers has at most ${MAX_TURN_URLS} URLs of TURN servers over UDP`)
  return written
}

// Of the URLs of one server, which are ways to the same thing, those over UDP can be used; one has to be there.
function writtenServer(server: unknown): readonly WrittenServer[] {
  known('an ICE server', server, ['credential', 'credentialType', 'urls', 'username'])
  const { urls, username, credential, credentialType } = server as IceServer
  if (!isPassword(credentialType)) throw invalid(`of an ICE server, ${CREDENTIAL_TYPE_RULE}`)
  const list = iceUrls(urls)
  if (list === undefined) throw invalid(`of an ICE server, ${ICE_URLS_RULE}`)
  const parsed = list.map(parseUrl)
  const usable = parsed.filter(({ overUdp }) => overUdp)
  if (usable.length === 0) {
    throw invalid(`${list[0]}: only UDP is spoken with ICE servers, so no stuns:, no turns: and no transport=tcp`)
  }
  return usable.map(({ url, address, isTurn }) => {
    if (!isTurn) return { url, address }
    if (username === undefined || credential === undefined) {
      throw invalid(`${url}: a TURN server needs username and credential`)
    }
    if (Buffer.byteLength(text('username', username)) > 508) throw invalid('a username has at most 508 bytes')
    return { url, address, username, credential: text('credential', credential) }
  })
}

function parseUrl(url: string): { url: string; address: string; isTurn: boolean; overUdp: boolean } {
  const [, scheme = '', address = '', transport = 'udp'] = ICE_URL.exec(url) ?? []
  if (!isAddress(address)) throw invalid(`iceServers: not the URL of an ICE server with a port of 1 to 65535: ${url}`)
  const overUdp = !/s$/i.test(scheme) && transport.toLowerCase() === 'udp'
  return { url, address, isTurn: /^turn/i.test(scheme), overUdp }
}

function isAddress(written: string): boolean {
  try {
    parseAddress(written)
    return true
  } catch {
    return false
  }
}

// A name may have addresses of both families; another of the same family is the same server.
async function resolve(
  { address, ...server }: WrittenServer,
  limitMs: number | undefined,
): Promise<BindingIceServer[] | UnresolvedServer> {
  try {
    const resolved = await resolveWithin(address, limitMs)
    const families = [false, true].map((ipv6) => resolved.find((one) => one.address.includes(':') === ipv6))
    return families.flatMap((one) => (one === undefined ? [] : [{ port: PORT, ...one, ...server }]))
  } catch (error) {
    return { url: server.url, error: error instanceof Error ? error : new Error(String(error)) }
  }
}

async function resolveWithin(address: string, limitMs: number | undefined): Promise<BindingAnnounced[]> {
  if (limitMs === undefined) return await resolveAddresses([address])
  const inTime = new AbortController()
  const late = sleep(limitMs, undefined, { signal: inTime.signal, ref: false }).then((): never => {
    throw errorOf('XRTC_UNRESOLVED_ADDRESS', `the name of ${address} was not resolved within ${limitMs} ms`)
  })
  try {
    return await Promise.race([resolveAddresses([address]), late])
  } finally {
    inTime.abort()
  }
}
