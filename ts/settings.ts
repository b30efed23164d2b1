// Options of the server: their shapes and defaults. What they mean is checked natively.

import { isIP, Server as NetServer } from 'node:net'
import { availableParallelism } from 'node:os'
import type { ServerOptions } from '../index.d.ts'
import type { BindingLimits, BindingServerOptions } from './binding.d.ts'
import { LOG_LEVELS } from './logger.ts'
import { flag, integer, invalid, known } from './options.ts'
import { pemCertificate } from './pem.ts'

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

/** Options for the workers; the addresses to announce are resolved elsewhere. */
export function serverSettings(options: ServerOptions): BindingServerOptions {
  known('createServer', options, SERVER_KEYS)
  const { udp = {}, limits = {} } = options
  known('udp', udp, ['host', 'interfaces', 'port', 'portPerWorker'])
  known('limits', limits, LIMIT_KEYS)
  if (options.logger !== undefined) checkLogger(options.logger)
  const settings: BindingServerOptions = {
    workers: integer('workers', options.workers, [1, MAX_WORKERS]) ?? Math.min(availableParallelism(), MAX_WORKERS),
    udpPort: integer('udp.port', udp.port, [0, 65_535]) ?? 0,
  }
  if (flag('udp.portPerWorker', udp.portPerWorker) === true) settings.udpPortPerWorker = true
  if (udp.host !== undefined) settings.listen = hosts(udp.host)
  if (udp.interfaces !== undefined) settings.interfaces = interfaces(udp.interfaces, settings.listen)
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

function checkLogger(logger: unknown): void {
  if (typeof logger !== 'object' || logger === null) throw invalid('logger is an object')
  const calls = logger as Readonly<Record<string, unknown>>
  const missing = LOG_LEVELS.find((level) => typeof calls[level] !== 'function')
  if (missing !== undefined) throw invalid(`the logger has no function ${missing}`)
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

function interfaces(names: unknown, hosts: readonly string[] = []): string[] {
  if (!Array.isArray(names) || names.length === 0 || !names.every(isInterfaceName)) {
    throw invalid('udp.interfaces is an array of names such as eth0, eth* or !docker*')
  }
  if (hosts.some((host) => host !== '0.0.0.0' && host !== '::')) {
    throw invalid(
      'udp.interfaces chooses among all addresses: with udp.host only that one is offered, so leave one out',
    )
  }
  if (process.platform === 'win32') throw invalid('udp.interfaces: Windows does not tell the names of interfaces')
  return names
}

function assign<Target, Key extends keyof Target>(target: Target, key: Key, value: Target[Key] | undefined): void {
  if (value !== undefined) target[key] = value
}
