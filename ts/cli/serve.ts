// What `xrtc serve` does: a media server, its signaling on an HTTP server, and a clean end.

import { createServer as createHttpServer } from 'node:http'
import type { Server as HttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { MediaAddress, MediaServer, TcpOptions, TurnOptions } from '../../index.d.ts'
import { XrtcError } from '../errors.ts'
import { createServer } from '../server.ts'
import { isLoopback, isPrivate, localAddresses } from './addresses.ts'
import type { Certificate } from './certificate.ts'
import { loadCertificate, objectionTo, readPair } from './certificate.ts'
import type { GateFlags } from './gate.ts'
import { conflictOf, gateOf, isOpen, turnOf } from './gate.ts'
import type { Log } from './log.ts'
import { openLog } from './log.ts'
import type { RemoteFlags } from './remote.ts'
import { iceOf, idleFlagOf, startRemotes } from './remote.ts'

/** The levels of `--log-level`. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

/** The flags of `xrtc serve`. */
export interface ServeOptions extends GateFlags, RemoteFlags {
  readonly host?: string
  readonly port: number
  readonly udpPort: number
  readonly udpPortPerWorker?: boolean
  readonly udpHost?: readonly string[]
  readonly interfaces?: readonly string[]
  /** `false`: none; `'shared'`: that of HTTP. */
  readonly tcpPort?: number | false | 'shared'
  readonly announce?: readonly string[]
  readonly workers?: number
  readonly logLevel: string
  readonly logFile?: string
  readonly https?: boolean
  readonly cert?: string
  readonly key?: string
  readonly dtlsCert?: string
  readonly dtlsKey?: string
  readonly trustProxy?: number | readonly string[]
  readonly publicUrl?: string
  readonly webhook?: string
  readonly webhookSecret?: string
}

/** What else to choose, by the beginning of the message that says which port is in use. */
const PORT_FLAGS = {
  TURN: '--turn-port or --turn-tls-port',
  TCP: '--tcp-port, or share the port of HTTP with --tcp-port shared',
  UDP: '--udp-port',
}

/** How messages about the certificate for DTLS begin. */
const OF_DTLS = 'the DTLS certificate: '

/** A failure that is the user's to mend: printed as one line. */
class UsageError extends Error {}

/** Serves until SIGINT, SIGTERM or SIGHUP. Rejects with a message for the user if it cannot start. */
export async function serve(options: ServeOptions, version: string): Promise<void> {
  const certificate = await certificateOf(options)
  if ((options.webhook === undefined) !== (options.webhookSecret === undefined)) {
    throw new UsageError('--webhook and --webhook-secret go together')
  }
  const conflict = conflictOf(options) ?? mediaConflictOf(options)
  if (conflict !== undefined) throw new UsageError(conflict)
  if (options.turnTlsPort !== undefined && certificate === undefined) {
    throw new UsageError('--turn-tls-port needs a certificate: --cert and --key, or --https')
  }
  iceOf(options)
  const idle = idleFlagOf(options)
  if (idle !== undefined)
    throw new UsageError(`${idle} is for streams from and to other servers: name them with --pull or --push`)
  const objection = certificate === undefined ? undefined : objectionTo(certificate)
  if (options.turnTlsPort !== undefined && objection === 'outdated') {
    throw new UsageError('--turn-tls-port needs a certificate that is valid now: that of --cert is not')
  }
  const log = await openLog(options.logLevel, options.logFile)
  let media: MediaServer | undefined
  try {
    const http = certificate === undefined ? createHttpServer() : createHttpsServer(certificate)
    media = await startMedia(options, log, { http, turn: turnOf(options, certificate) })
    const { trustProxy, publicUrl } = options
    const authorize = gateOf(options)
    const signaling = media.signaling({
      pages: true,
      xrtc: true,
      ...(authorize === undefined ? {} : { authorize }),
      ...(trustProxy === undefined ? {} : { trustProxy }),
      ...(publicUrl === undefined ? {} : { publicUrl }),
    })
    sendWebhooks(options, media)
    http.on('request', signaling.listener)
    await listen(http, options)
    endOnSignals(http, media, log)
    startRemotes(media, options)
    announceReady(options, version, { http, media, secure: certificate !== undefined, objection })
  } catch (error) {
    await media?.close()
    await log.close()
    throw error
  }
}

function mediaConflictOf({ interfaces, udpHost = [] }: ServeOptions): string | undefined {
  const isAll = udpHost.every((host) => host === '0.0.0.0' || host === '::')
  if (interfaces === undefined || isAll) return undefined
  return '--interfaces chooses among all addresses, and --udp-host is one: leave one of them out'
}

interface Beside {
  readonly http: HttpServer
  readonly turn: TurnOptions | undefined
}

async function startMedia(options: ServeOptions, log: Log, { http, turn }: Beside): Promise<MediaServer> {
  const { announce, workers, udpPort, udpPortPerWorker = false, udpHost, tcpPort, interfaces } = options
  const dtlsCertificate = await dtlsCertificateOf(options)
  try {
    return await createServer({
      udp: {
        port: udpPort,
        portPerWorker: udpPortPerWorker,
        ...(udpHost === undefined ? {} : { host: udpHost }),
        ...(interfaces === undefined ? {} : { interfaces }),
      },
      ...(dtlsCertificate === undefined ? {} : { dtlsCertificate }),
      ...(tcpPort === undefined ? {} : { tcp: tcpOptions(options, http) }),
      logger: log.logger,
      ...(announce === undefined ? {} : { announce }),
      ...(turn === undefined ? {} : { turn }),
      ...(workers === undefined ? {} : { workers }),
    })
  } catch (error) {
    const message = error instanceof XrtcError ? inFlags(error, options) : undefined
    throw message === undefined ? error : new UsageError(message, { cause: error })
  }
}

/** What the API says of its options, said of the flags; nothing where they have no part in it. */
function inFlags({ code, message }: XrtcError, { dtlsCert, dtlsKey, interfaces }: ServeOptions): string | undefined {
  if (message.startsWith(OF_DTLS)) {
    return `--dtls-cert ${dtlsCert} and --dtls-key ${dtlsKey}: ${message.slice(OF_DTLS.length)}`
  }
  if (code !== 'XRTC_ADDRESS_IN_USE' && code !== 'XRTC_BIND_FAILED') return undefined
  if (message.startsWith('no interface')) {
    const there = Object.keys(networkInterfaces()).join(', ')
    return `--interfaces ${interfaces?.join(',')}: ${message}; there are ${there}`
  }
  if (message.endsWith('is not an address of this machine')) return `${message}; choose another with --udp-host`
  const [flag = '--udp-port'] = Object.entries(PORT_FLAGS).flatMap(([name, of]) =>
    message.startsWith(name) || message.startsWith(`no permission for ${name}`) ? [of] : [],
  )
  return `${message}; choose another with ${flag}`
}

function tcpOptions({ tcpPort, port }: ServeOptions, http: HttpServer): TcpOptions | false {
  if (typeof tcpPort === 'number') return { port: tcpPort }
  if (tcpPort !== 'shared') return false
  if (port === 0) throw new UsageError('--tcp-port shared needs the number of the port in --port')
  return { server: http, port }
}

function sendWebhooks({ webhook: url, webhookSecret: secret }: ServeOptions, media: MediaServer): void {
  // Less than a process that hangs is given at its end.
  if (url !== undefined && secret !== undefined) media.webhooks({ url, secret, flushMs: 3_000 })
}

function listen(http: HttpServer, options: ServeOptions): Promise<void> {
  const { host, port } = options
  return new Promise((resolve, reject) => {
    http.once('error', (error: NodeJS.ErrnoException) => {
      const messages: Record<string, string> = {
        EADDRINUSE: `port ${port} is in use${ownUseOf(options)}; choose another with --port`,
        EACCES: `port ${port} needs more rights; choose another with --port`,
        EADDRNOTAVAIL: `${host} is not an address of this machine; choose another with --host`,
        ENOTFOUND: `${host} is not an address of this machine; choose another with --host`,
      }
      reject(new UsageError(messages[error.code ?? ''] ?? error.message, { cause: error }))
    })
    http.listen({ port, ...(host === undefined ? {} : { host }) }, () => resolve())
  })
}

/** Which of this server's own TCP ports has the number of `--port`. */
function ownUseOf({ port, tcpPort, udpPort, turnPort, turnTlsPort }: ServeOptions): string {
  const isMedia = tcpPort !== false && tcpPort !== 'shared' && port === (tcpPort ?? udpPort)
  if (isMedia) return ' by media over TCP (--tcp-port, which is as --udp-port by default, and may be shared)'
  if (port === turnPort) return ' by --turn-port'
  return port === turnTlsPort ? ' by --turn-tls-port' : ''
}

async function certificateOf(options: ServeOptions): Promise<Certificate | undefined> {
  const { https, cert, key } = options
  if ((cert === undefined) !== (key === undefined)) throw new UsageError('--cert and --key go together')
  return https === true || cert !== undefined ? await loadCertificate(cert, key) : undefined
}

async function dtlsCertificateOf({ dtlsCert, dtlsKey }: ServeOptions): Promise<Certificate | undefined> {
  if (dtlsCert === undefined && dtlsKey === undefined) return undefined
  if (dtlsCert === undefined || dtlsKey === undefined) throw new UsageError('--dtls-cert and --dtls-key go together')
  return await readPair(['--dtls-cert', dtlsCert], ['--dtls-key', dtlsKey])
}

interface Running {
  readonly http: HttpServer
  readonly media: MediaServer
  readonly secure: boolean
  /** What clients have against the certificate. */
  readonly objection: ReturnType<typeof objectionTo>
}

function announceReady(options: ServeOptions, version: string, { http, media, secure, objection }: Running): void {
  const { port } = http.address() as AddressInfo
  const everywhere = options.host === undefined || options.host === '0.0.0.0' || options.host === '::'
  const base = (host: string): string => `${secure ? 'https' : 'http'}://${inUrl(host)}:${port}`
  // Browsers give the camera to `localhost` without HTTPS, but not to this machine's other addresses.
  const here = base(everywhere ? 'localhost' : (options.host ?? 'localhost'))
  const [lan] = everywhere ? localAddresses() : []
  const query = isOpen(options) ? '' : '?token=…'
  const lines = [
    `xrtc ${version}`,
    `  pages  ${here}/${query}${lan === undefined ? '' : `   (in this network: ${base(lan)}/${query})`}`,
    `  WHIP   ${lan === undefined ? here : base(lan)}/whip/STREAM`,
    `  WHEP   ${lan === undefined ? here : base(lan)}/whep/STREAM`,
    `  media  udp ${addressesOf(media.workers.flatMap((worker) => worker.candidates))}`,
    ...(media.tcp.candidates.length === 0 ? [] : [`         tcp ${addressesOf(media.tcp.candidates)}`]),
    ...(media.turn?.urls ?? []).map((url) => `  TURN   ${url}`),
    ...warnings(options, media, {
      secure,
      reachable: everywhere || !isLoopback(options.host ?? ''),
      objection,
    }),
    `ready ${here}/`,
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

/** Each once. */
function addressesOf(candidates: readonly MediaAddress[]): string {
  return [...new Set(candidates.map(({ address, port }) => `${inUrl(address)}:${port}`))].join(' ')
}

function warnings(
  options: ServeOptions,
  media: MediaServer,
  { secure, reachable, objection }: Pick<Running, 'secure' | 'objection'> & { readonly reachable: boolean },
): readonly string[] {
  const lines = []
  if (objection === 'outdated') lines.push('warning: the certificate of --cert is not valid now, by its dates')
  if (objection === 'selfSigned' && media.turn?.tls.length) {
    lines.push('warning: browsers do not use TURN over TLS with a self-signed certificate; --cert gives another')
  }
  if (!reachable) return lines
  if (isOpen(options)) {
    lines.push('warning: everybody who reaches this address may publish and watch; --token asks for a token')
  }
  if (!secure) {
    lines.push('warning: browsers on other machines give camera and screen to https pages only; --https serves them')
  }
  const candidates = media.workers.flatMap((worker) => worker.candidates)
  if (candidates.every(({ address }) => isPrivate(address))) {
    lines.push('warning: only private addresses are offered, so media stays in this network; --announce adds others')
  }
  return lines
}

function inUrl(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}

function endOnSignals(http: HttpServer, media: MediaServer, log: Log): void {
  let ending = false
  const end = (signal: NodeJS.Signals): void => {
    if (ending) process.exit(1)
    ending = true
    log.logger.info({ signal }, 'closing')
    void close(http, media, log)
  }
  // SIGHUP: its terminal or its connection is gone.
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, end)
}

async function close(http: HttpServer, media: MediaServer, log: Log): Promise<void> {
  // What hangs must not keep the process: the second signal, or this.
  setTimeout(() => process.exit(1), 5_000).unref()
  http.close()
  await media.close()
  http.closeAllConnections()
  await log.close()
  // Signal handlers alone do not keep a process alive, so it ends here by itself.
}
