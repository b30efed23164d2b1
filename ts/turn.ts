// The embedded TURN server: its options, and what clients are told of it.

import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import type { IceServer, IceServersOptions, TurnLimits, TurnOptions } from '../index.d.ts'
import { parseAddress } from './announce.ts'
import { turnCredentials } from './auth/turn.ts'
import type { BindingTurn, BindingTurnLimits, BindingTurnOptions } from './binding.d.ts'
import { integer, invalid, known, text } from './options.ts'
import { pem } from './pem.ts'

const KEYS = ['allowedPeers', 'host', 'limits', 'port', 'realm', 'relayPorts', 'secret', 'tls', 'ttlSeconds']
const LIMITS: Readonly<Record<keyof TurnLimits, readonly [number, number]>> = {
  allocations: [1, 1_000_000],
  allocationsPerUser: [1, 1_000_000],
  allocationsPerAddress: [1, 1_000_000],
  permissions: [1, 1_000],
  channels: [1, 1_000],
  connections: [1, 1_000_000],
  connectionsPerAddress: [1, 1_000_000],
  bitrateBps: [10_000, 10_000_000_000],
  lifetimeSeconds: [60, 86_400],
  unauthenticatedBytesPerSecond: [1_000, 1_000_000_000],
}
const DAY_SECONDS = 86_400

/** What clients are told, and how their credentials are made. */
export interface TurnTerms {
  readonly secret: string
  readonly ttlSeconds: number
  readonly host: string | undefined
}

/** Options for the native side, and the terms for clients. */
export function turnSettings(options: TurnOptions): {
  readonly settings: BindingTurnOptions
  readonly terms: TurnTerms
} {
  known('turn', options, KEYS)
  const { allowedPeers = [], tls, realm, relayPorts, limits } = options
  const secret = options.secret === undefined ? randomBytes(32).toString('base64') : text('turn.secret', options.secret)
  if (secret === '') throw invalid('turn.secret must not be empty')
  if (!Array.isArray(allowedPeers)) throw invalid('turn.allowedPeers is an array of ADDRESS/BITS')
  const settings: BindingTurnOptions = {
    secret,
    port: integer('turn.port', options.port, [0, 65_535]) ?? 3_478,
    allowedPeers: allowedPeers.map((range: unknown) => text('a range of turn.allowedPeers', range)),
  }
  if (realm !== undefined) settings.realm = realmOf(realm)
  if (tls !== undefined) settings.tls = tlsOf(tls)
  if (relayPorts !== undefined) Object.assign(settings, portsOf(relayPorts))
  if (limits !== undefined) settings.limits = limitsOf(limits)
  const ttlSeconds = integer('turn.ttlSeconds', options.ttlSeconds, [1, 365 * DAY_SECONDS]) ?? DAY_SECONDS
  return {
    settings,
    terms: { secret, ttlSeconds, host: options.host === undefined ? undefined : hostOf(options.host) },
  }
}

function realmOf(realm: unknown): string {
  const written = text('turn.realm', realm)
  if (/^[ !#-[\]-~]{1,24}$/.test(written)) return written
  throw invalid('turn.realm has 1 to 24 printable ASCII characters, and no quotes or backslashes')
}

function tlsOf(tls: NonNullable<TurnOptions['tls']>): NonNullable<BindingTurnOptions['tls']> {
  known('turn.tls', tls, ['cert', 'key', 'port'])
  return {
    cert: pem('turn.tls.cert', tls.cert, 'certificate'),
    key: pem('turn.tls.key', tls.key, 'key'),
    port: integer('turn.tls.port', tls.port, [0, 65_535]) ?? 5_349,
  }
}

function portsOf(ports: unknown): Pick<BindingTurnOptions, 'firstRelayPort' | 'lastRelayPort'> {
  const rule = 'turn.relayPorts is [FIRST, LAST], from 1024 to 65535'
  if (!Array.isArray(ports) || ports.length !== 2) throw invalid(rule)
  const [first, last] = ports.map((port: unknown) => integer('a port of turn.relayPorts', port, [1_024, 65_535]))
  if (first === undefined || last === undefined || first > last) throw invalid(rule)
  return { firstRelayPort: first, lastRelayPort: last }
}

function limitsOf(limits: TurnLimits): BindingTurnLimits {
  known('turn.limits', limits, Object.keys(LIMITS))
  const checked = Object.fromEntries(
    Object.entries(LIMITS).flatMap(([key, range]) => {
      const value = integer(`turn.limits.${key}`, limits[key as keyof TurnLimits], range)
      return value === undefined ? [] : [[key, value]]
    }),
  ) as TurnLimits
  const { bitrateBps, ...rest } = checked
  return bitrateBps === undefined ? rest : { ...rest, bytesPerSecond: Math.floor(bitrateBps / 8) }
}

function hostOf(host: unknown): string {
  const written = text('turn.host', host)
  if (isIP(written) !== 0 || /^[\w.-]+$/.test(written)) return written
  throw invalid('turn.host is an IP address or a name, without a port')
}

/** The URLs that clients are told: UDP, TCP, and TLS where there is. */
export function turnUrls({ bound, tls }: BindingTurn, host: string): readonly string[] {
  const shown = isIP(host) === 6 ? `[${host}]` : host
  const [plain] = bound
  const [secure] = tls
  return [
    ...(plain === undefined
      ? []
      : ['udp', 'tcp'].map((transport) => `turn:${shown}:${plain.port}?transport=${transport}`)),
    ...(secure === undefined ? [] : [`turns:${shown}:${secure.port}?transport=tcp`]),
  ]
}

/** The host of an address to announce, as it was written: a name stays one, for the certificate's sake. */
export function announcedHost(written: string): string {
  return parseAddress(written).host
}

/** Credentials for one client. */
export function mintIceServers(
  terms: TurnTerms,
  urls: readonly string[],
  options: IceServersOptions,
): readonly IceServer[] {
  const { secret } = terms
  const ttlSeconds = options.ttlSeconds ?? terms.ttlSeconds
  // Whoever has no name gets one nobody has: limits count by user names.
  const identity = options.identity ?? randomBytes(6).toString('base64url')
  return [turnCredentials({ secret, urls, ttlSeconds, identity })]
}
