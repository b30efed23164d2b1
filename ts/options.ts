// The shapes of arguments: checked here with a clear message, before the boundary. What they mean is checked natively.

import { isIP, Server as NetServer } from 'node:net'
import { availableParallelism } from 'node:os'
import type {
  DtlsCertificate,
  IceMode,
  RateLimit,
  RateLimitOptions,
  ServerOptions,
  SignalingOptions,
  WhepExtensions,
  XrtcRoutesOptions,
} from '../index.d.ts'
import type { BindingCertificate, BindingLimits, BindingServerOptions } from './binding.d.ts'
import { errorOf } from './errors.ts'
import { RATE_LIMIT_DEFAULTS } from './http/rate-limit.ts'
import { clientAddressBehind } from './http/client-address.ts'
import type { SignalingSettings } from './http/signaling.ts'
import { SIGNALING_DEFAULTS } from './http/signaling.ts'
import { LOG_LEVELS } from './logger.ts'

/** The most workers. */
const MAX_WORKERS = 64

const SERVER_KEYS = [
  ...[
    'announce',
    'answerTimeoutMs',
    'connectTimeoutMs',
    'consentTimeoutMs',
    'dtlsCertificate',
    'dtlsVersion',
    'ice',
    'iceServers',
    'iceTransportPolicy',
    'limits',
    'logger',
  ],
  ...['maxIngestBitrateBps', 'publisherGraceMs', 'tcp', 'turn', 'udp', 'workers'],
]
const LIMIT_KEYS = ['peers', 'pendingOffers', 'streams', 'viewersPerStream'] as const
const SIGNALING_KEYS = [
  ...Object.keys(SIGNALING_DEFAULTS),
  'authorize',
  'cors',
  'processTag',
  'publicUrl',
  'trustProxy',
]

/** Options for the workers; the addresses to announce are resolved elsewhere. */
export function serverSettings(options: ServerOptions): BindingServerOptions {
  known('createServer', options, SERVER_KEYS)
  known('udp', options.udp ?? {}, ['host', 'interfaces', 'port', 'portPerWorker'])
  known('limits', options.limits ?? {}, LIMIT_KEYS)
  if (options.logger !== undefined) checkLogger(options.logger)
  const { udp = {}, limits = {} } = options
  const settings: BindingServerOptions = {
    workers: integer('workers', options.workers, [1, MAX_WORKERS]) ?? Math.min(availableParallelism(), MAX_WORKERS),
    udpPort: integer('udp.port', udp.port, [0, 65_535]) ?? 0,
  }
  if (flag('udp.portPerWorker', udp.portPerWorker) === true) settings.udpPortPerWorker = true
  if (udp.host !== undefined) settings.listen = hosts(udp.host)
  if (udp.interfaces !== undefined) settings.interfaces = interfaces(udp.interfaces)
  if (options.tcp === false) settings.noTcp = true
  else if (options.tcp !== undefined) {
    known('tcp', options.tcp, ['port', 'server'])
    const { port, server } = options.tcp
    assign(settings, 'tcpPort', integer('tcp.port', port, [0, 65_535]))
    if (server !== undefined) {
      settings.tcpPort = portOf(server, port)
      settings.tcpPassed = true
    }
  }
  const timeouts = [1_000, 600_000] as const
  assign(settings, 'publisherGraceMs', integer('publisherGraceMs', options.publisherGraceMs, [0, 3_600_000]))
  assign(settings, 'consentTimeoutMs', integer('consentTimeoutMs', options.consentTimeoutMs, timeouts))
  assign(settings, 'connectTimeoutMs', integer('connectTimeoutMs', options.connectTimeoutMs, timeouts))
  assign(settings, 'answerTimeoutMs', integer('answerTimeoutMs', options.answerTimeoutMs, timeouts))
  const bitrate = integer('maxIngestBitrateBps', options.maxIngestBitrateBps, [10_000, 4_000_000_000])
  assign(settings, 'maxIngestBitrateBps', bitrate)
  if (![undefined, '1.2', 'auto'].includes(options.dtlsVersion)) throw invalid("dtlsVersion is '1.2' or 'auto'")
  if (options.dtlsVersion === 'auto') settings.dtls13 = true
  if (options.dtlsCertificate !== undefined)
    settings.certificate = pemCertificate('dtlsCertificate', options.dtlsCertificate)
  const bounds: BindingLimits = {}
  for (const key of LIMIT_KEYS) assign(bounds, key, integer(`limits.${key}`, limits[key], [1, 1_000_000]))
  if (Object.keys(bounds).length > 0) settings.limits = bounds
  return settings
}

/** A certificate with its key as PEM; what it says is checked natively. */
export function pemCertificate(name: string, certificate: unknown): BindingCertificate {
  if (typeof certificate !== 'object' || certificate === null) throw invalid(`${name} is an object`)
  known(name, certificate, ['cert', 'key'])
  const { cert, key } = certificate as Partial<DtlsCertificate>
  return { cert: pem(`${name}.cert`, cert), key: pem(`${name}.key`, key) }
}

/** PEM, as text or as bytes. */
export function pem(name: string, value: unknown): string {
  if (typeof value === 'string') return value
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1')
  throw invalid(`${name} is PEM, as a string or a Buffer`)
}

function checkLogger(logger: unknown): void {
  if (typeof logger !== 'object' || logger === null) throw invalid('logger is an object')
  const calls = logger as Readonly<Record<string, unknown>>
  const missing = LOG_LEVELS.find((level) => typeof calls[level] !== 'function')
  if (missing !== undefined) throw invalid(`the logger has no function ${missing}`)
}

/** Options of a signaling with their defaults. */
export function signalingSettings(options: SignalingOptions): SignalingSettings {
  known('signaling', options, SIGNALING_KEYS)
  const { basePath = SIGNALING_DEFAULTS.basePath, authorize, cors, processTag, publicUrl } = options
  if (typeof basePath !== 'string' || !/^(?:\/[^/?#]+)*$/.test(basePath)) {
    throw invalid('basePath is a path such as /media, without a slash at its end')
  }
  if (authorize !== undefined && typeof authorize !== 'function') throw invalid('authorize is a function')
  if (publicUrl !== undefined) checkPublicUrl(publicUrl)
  if (processTag !== undefined && !/^[\w-]{1,32}$/.test(text('processTag', processTag))) {
    throw invalid('processTag has 1 to 32 letters, digits, _ or -')
  }
  return {
    basePath,
    whip: flag('whip', options.whip) ?? SIGNALING_DEFAULTS.whip,
    whep: flag('whep', options.whep) ?? SIGNALING_DEFAULTS.whep,
    pages: flag('pages', options.pages) ?? SIGNALING_DEFAULTS.pages,
    srsPaths: flag('srsPaths', options.srsPaths) ?? SIGNALING_DEFAULTS.srsPaths,
    xrtc: xrtcRoutes(options.xrtc),
    lenientIfMatch: flag('lenientIfMatch', options.lenientIfMatch) ?? SIGNALING_DEFAULTS.lenientIfMatch,
    counterOffers: flag('counterOffers', options.counterOffers) ?? SIGNALING_DEFAULTS.counterOffers,
    whepExtensions: whepExtensions(options.whepExtensions ?? {}),
    maxBodyBytes: integer('maxBodyBytes', options.maxBodyBytes, [1, 1 << 24]) ?? SIGNALING_DEFAULTS.maxBodyBytes,
    requestTimeoutMs:
      integer('requestTimeoutMs', options.requestTimeoutMs, [1, 600_000]) ?? SIGNALING_DEFAULTS.requestTimeoutMs,
    retryAfterSeconds:
      integer('retryAfterSeconds', options.retryAfterSeconds, [0, 3_600]) ?? SIGNALING_DEFAULTS.retryAfterSeconds,
    rateLimit: options.rateLimit === false ? false : rateLimits(options.rateLimit ?? {}),
    trustProxy: clientAddressBehind(options.trustProxy),
    ...(processTag === undefined ? {} : { processTag }),
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(authorize === undefined ? {} : { authorize }),
    ...(cors === undefined ? {} : { cors }),
  }
}

function whepExtensions(options: WhepExtensions): Required<WhepExtensions> {
  known('whepExtensions', options, ['events', 'layers'])
  const events = flag('whepExtensions.events', options.events) ?? false
  const layers = flag('whepExtensions.layers', options.layers) ?? false
  if (layers && !events) throw invalid('whepExtensions.layers needs whepExtensions.events, which tell the layers')
  return { events, layers }
}

function rateLimits(options: RateLimitOptions): Required<RateLimitOptions> {
  known('rateLimit', options, Object.keys(RATE_LIMIT_DEFAULTS))
  const { perAddress, perToken } = RATE_LIMIT_DEFAULTS
  return {
    perAddress: rateLimit('perAddress', options.perAddress ?? perAddress),
    perToken: rateLimit('perToken', options.perToken ?? perToken),
    remembered: integer('rateLimit.remembered', options.remembered, [1, 1_000_000]) ?? RATE_LIMIT_DEFAULTS.remembered,
  }
}

function rateLimit(name: string, limit: RateLimit | false): RateLimit | false {
  if (limit === false) return false
  known(`rateLimit.${name}`, limit, ['burst', 'perSecond'])
  const { perSecond, burst } = limit
  if (typeof perSecond !== 'number' || !(perSecond > 0 && perSecond <= 1_000_000)) {
    throw invalid(`rateLimit.${name}.perSecond is a number above 0, at most 1000000`)
  }
  if (integer(`rateLimit.${name}.burst`, burst, [1, 1_000_000]) === undefined) {
    throw invalid(`rateLimit.${name} has perSecond and burst`)
  }
  return { perSecond, burst }
}

/** Checks what stands before paths in headers and pages: nothing of it may change where a path begins. */
export function checkPublicUrl(url: unknown): void {
  const written = text('publicUrl', url)
  if (/^https?:\/\/[^/?#\s]+(?:\/[^/?#\s]+)*$/.test(written) && URL.canParse(written)) return
  throw invalid('publicUrl is an URL such as https://media.example/live, without a slash at its end')
}

function xrtcRoutes(options: unknown): XrtcRoutesOptions | false {
  if (options === undefined || typeof options === 'boolean') return options === true ? {} : false
  known('xrtc', options, ['replace'])
  const replace = flag('xrtc.replace', (options as XrtcRoutesOptions).replace)
  return replace === undefined ? {} : { replace }
}

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
  if (stranger !== undefined) throw invalid(`${name} has no option ${stranger}`)
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

function hosts(host: unknown): string[] {
  const list: readonly unknown[] = Array.isArray(host) ? host : [host]
  const ips = list.filter((entry) => typeof entry === 'string').filter((entry) => isIP(entry) !== 0)
  const families = new Set(ips.map((ip) => isIP(ip)))
  if (ips.length > 0 && ips.length === list.length && families.size === ips.length) return ips
  throw invalid('udp.host is an IP address, or one of each family')
}

/** `eth0`, `eth*`, `!docker*`. */
export function isInterfaceName(name: unknown): name is string {
  return typeof name === 'string' && /^!?(?:[^\s*!]+\*?|\*)$/.test(name)
}

function portOf(server: unknown, port: number | undefined): number {
  if (!(server instanceof NetServer)) throw invalid('tcp.server is a server of node:net, node:http or the like')
  if (process.platform === 'win32') throw invalid('tcp.server: Windows passes no connections on')
  const address = server.address()
  const known = typeof address === 'object' ? address?.port : undefined
  const taken = known ?? (port === 0 ? undefined : port)
  if (taken === undefined) throw invalid('tcp.port is needed where tcp.server does not listen yet')
  return taken
}

function interfaces(names: unknown): string[] {
  if (!Array.isArray(names) || names.length === 0 || !names.every(isInterfaceName)) {
    throw invalid('udp.interfaces is an array of names such as eth0, eth* or !docker*')
  }
  if (process.platform === 'win32') throw invalid('udp.interfaces: Windows does not tell the names of interfaces')
  return names
}

function assign<Target, Key extends keyof Target>(target: Target, key: Key, value: Target[Key] | undefined): void {
  if (value !== undefined) target[key] = value
}
