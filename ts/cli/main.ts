#!/usr/bin/env node
// `xrtc serve`: the command line. All signal handling, printing and ending of the process is in this folder.

import { Command, InvalidArgumentError, Option } from 'commander'
import { createRequire } from 'node:module'
import { isIP } from 'node:net'
import { parseAddress } from '../announce.ts'
import { jwtAuthorize } from '../auth/jwt.ts'
import { clientAddressBehind } from '../http/client-address.ts'
import { iceUrls } from '../ice-server.ts'
import { checkPublicUrl } from '../http/settings.ts'
import { isInterfaceName } from '../settings.ts'
import { readSecret } from '../webhooks/delivery.ts'
import { webhookUrl } from '../webhooks/webhooks.ts'
import type { ServeOptions } from './serve.ts'
import type { RemoteFlag } from './remote.ts'
import { parseRemote } from './remote.ts'
import { LOG_LEVELS, serve } from './serve.ts'

const manifest = createRequire(import.meta.url)('../../package.json') as { readonly version: string }

/** The variables that decide who may do what. */
const DOORS = new Set(['XRTC_TOKEN', 'XRTC_JWKS_URL', 'XRTC_JWT_SECRET', 'XRTC_JWT_AUDIENCE', 'XRTC_JWT_ISSUER'])

const program = new Command('xrtc')
  .description('A WebRTC media server: publish a stream from one browser, watch it in others.')
  .version(manifest.version)
  .enablePositionalOptions()
  .configureOutput({ outputError: (text, write) => write(withoutValue(text)) })

program
  .command('serve', { isDefault: true })
  .description('serve the pages, WHIP and WHEP (the default: `xrtc` alone is `xrtc serve`)')
  // Refused below: Commander would speak of the default command whatever was written.
  .allowExcessArguments()
  .optionsGroup('Pages, WHIP and WHEP, over HTTP:')
  .addOption(
    option(
      '--host <address>',
      'the address to listen on (default: all); that of media is --udp-host',
      'XRTC_HOST',
    ).argParser(host),
  )
  .addOption(option('--port <port>', 'the port', 'XRTC_PORT').default(8080).argParser(port))
  .addOption(option('--https', 'serve HTTPS, with a self-signed certificate unless --cert gives one', 'XRTC_HTTPS'))
  .addOption(option('--cert <path>', 'the file with its certificate, as PEM', 'XRTC_CERT'))
  .addOption(option('--key <path>', 'the file with the private key, as PEM', 'XRTC_KEY'))
  .addOption(
    option(
      '--trust-proxy <number|networks>',
      'reverse proxies to believe about clients: how many, or their networks',
      'XRTC_TRUST_PROXY',
    ).argParser(proxies),
  )
  .addOption(
    option(
      '--public-url <url>',
      'where the pages are as seen from outside, behind a reverse proxy',
      'XRTC_PUBLIC_URL',
    ).argParser(publicUrl),
  )
  .optionsGroup('Media:')
  .addOption(
    option(
      '--udp-host <address>',
      'the address to listen on, for UDP and TCP (default: all); one of each family',
      'XRTC_UDP_HOST',
    ).argParser(mediaHosts),
  )
  .addOption(option('--udp-port <port>', 'the UDP port of all workers', 'XRTC_UDP_PORT').default(8800).argParser(port))
  .addOption(
    option('--udp-port-per-worker', 'a UDP port for each worker, from --udp-port on', 'XRTC_UDP_PORT_PER_WORKER'),
  )
  .addOption(
    option(
      '--tcp-port <port>',
      'the TCP port for networks without UDP: a number, shared (that of --port) or off (default: as --udp-port)',
      'XRTC_TCP_PORT',
    ).argParser(tcpPort),
  )
  .addOption(
    option(
      '--interfaces <names>',
      'whose addresses to offer: eth0, eth*, !docker* (default: all)',
      'XRTC_INTERFACES',
    ).argParser(interfaces),
  )
  .addOption(
    option(
      '--announce <address[:port]>',
      'an address or name to offer instead of this machine’s own; may be repeated',
      'XRTC_ANNOUNCE',
    ).argParser(addresses),
  )
  .addOption(
    option('--workers <number>', 'media threads (default: one for each CPU core)', 'XRTC_WORKERS').argParser(workers),
  )
  .addOption(
    option(
      '--dtls-cert <path>',
      'the file with the certificate for DTLS, as PEM (default: one is made)',
      'XRTC_DTLS_CERT',
    ),
  )
  .addOption(option('--dtls-key <path>', 'the file with its private key, as PEM', 'XRTC_DTLS_KEY'))
  .optionsGroup('Who may do what:')
  .addOption(
    option('--token <text>', 'ask every client for this bearer token', 'XRTC_TOKEN').argParser(
      secret('--token', checkToken),
    ),
  )
  .addOption(
    option('--jwks-url <url>', 'ask for JSON Web Tokens that these keys signed', 'XRTC_JWKS_URL').argParser(
      secret('--jwks-url', (value) => jwtAuthorize({ jwksUrl: value })),
    ),
  )
  .addOption(
    option('--jwt-secret <text>', 'ask for JSON Web Tokens that this secret signed', 'XRTC_JWT_SECRET').argParser(
      secret('--jwt-secret', (value) => jwtAuthorize({ secret: value })),
    ),
  )
  .addOption(
    option('--jwt-audience <text>', 'the audience (aud) that they must have', 'XRTC_JWT_AUDIENCE').argParser(
      notEmpty('--jwt-audience'),
    ),
  )
  .addOption(
    option('--jwt-issuer <text>', 'the issuer (iss) that they must have', 'XRTC_JWT_ISSUER').argParser(
      notEmpty('--jwt-issuer'),
    ),
  )
  .optionsGroup('STUN and TURN for clients:')
  .addOption(
    option(
      '--turn-port <port>',
      'run a STUN and TURN server on this UDP and TCP port (usually 3478), and tell clients of it',
      'XRTC_TURN_PORT',
    ).argParser(port),
  )
  .addOption(
    option(
      '--turn-tls-port <port>',
      'and on this one with TLS (usually 5349), with the certificate of --cert',
      'XRTC_TURN_TLS_PORT',
    ).argParser(port),
  )
  .addOption(
    option(
      '--turn-host <name>',
      'what clients are told it is (default: the first --announce)',
      'XRTC_TURN_HOST',
    ).argParser(turnHost),
  )
  .addOption(
    option(
      '--turn-relay-ports <first-last>',
      'its ports towards peers (default: 49152-65535)',
      'XRTC_TURN_RELAY_PORTS',
    ).argParser(portRange),
  )
  .addOption(
    option('--turn <url>', 'tell clients of this other TURN server; may be repeated', 'XRTC_TURN').argParser(turnUrls),
  )
  .addOption(
    option(
      '--turn-secret <text>',
      'what credentials are made with: the secret of --turn, or for --turn-port one that other processes have too',
      'XRTC_TURN_SECRET',
    ).argParser(notEmpty('--turn-secret')),
  )
  .optionsGroup('Streams from and to other servers:')
  .addOption(
    option(
      '--pull <name=url>',
      'publish what another server sends at this WHEP URL; may be repeated',
      'XRTC_PULL',
    ).argParser(remotes('--pull')),
  )
  .addOption(
    option('--push <name=url>', 'send a stream to this WHIP URL; may be repeated', 'XRTC_PUSH').argParser(
      remotes('--push'),
    ),
  )
  .addOption(
    option('--remote-token <text>', 'the bearer token that they ask for', 'XRTC_REMOTE_TOKEN').argParser(
      secret('--remote-token', checkToken),
    ),
  )
  .addOption(
    option(
      '--ice-server <url>',
      'a STUN or TURN server (stun:HOST, turn:HOST, over UDP) to get addresses from; may be repeated',
      'XRTC_ICE_SERVER',
    ).argParser(iceServers),
  )
  .addOption(
    option('--ice-username <text>', 'the user name at those TURN servers', 'XRTC_ICE_USERNAME').argParser(
      notEmpty('--ice-username'),
    ),
  )
  .addOption(
    option('--ice-credential <text>', 'the password to it', 'XRTC_ICE_CREDENTIAL').argParser(
      notEmpty('--ice-credential'),
    ),
  )
  .addOption(
    option(
      '--ice-transport-policy <policy>',
      'relay: only by way of those TURN servers (default: all)',
      'XRTC_ICE_TRANSPORT_POLICY',
    ).choices(['all', 'relay']),
  )
  .optionsGroup('Log and events:')
  .addOption(option('--log-level <level>', 'what to log', 'XRTC_LOG_LEVEL').choices(LOG_LEVELS).default('info'))
  .addOption(
    option(
      '--log-file <path>',
      'log to this file, whose folder is made if missing, instead of standard error',
      'XRTC_LOG_FILE',
    ),
  )
  .addOption(
    option('--webhook <url>', 'send events to this URL, with --webhook-secret', 'XRTC_WEBHOOK').argParser(
      secret('--webhook', webhookUrl),
    ),
  )
  .addOption(
    option('--webhook-secret <text>', 'sign them with this secret', 'XRTC_WEBHOOK_SECRET').argParser(
      secret('--webhook-secret', readSecret),
    ),
  )
  .addHelpText(
    'after',
    '\nRepeated values in an environment variable are separated by commas; an empty variable counts as none, but for those that decide who may do what.',
  )
  .action((options: ServeOptions, command: Command) => {
    refuseExcess(command.args)
    return serve(withoutDenial(options, command), manifest.version)
  })

forgetEmptyVariables()
program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`xrtc: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})

// A misspelt flag may have a secret behind its equals sign.
function withoutValue(text: string): string {
  const told = text.replace(/^(error: unknown option '[^=]*)=[^]*'/, "$1'")
  return told.replace(/^(error: unknown option .*)\n$/, '$1; xrtc serve --help lists them\n')
}

// In a file of variables a line without a value means that there is none. Not so where the value closes a door: when it
// could not be had, the server is not to be open to everybody.
function forgetEmptyVariables(): void {
  const options = program.commands.flatMap((command) => command.options)
  for (const { envVar } of options) {
    if (envVar !== undefined && !DOORS.has(envVar) && process.env[envVar] === '') delete process.env[envVar]
  }
}

function option(flags: string, description: string, variable: string): Option {
  return new Option(flags, description).env(variable)
}

// Behind a flag it may be the rest of a secret that was not quoted; only what is written as a command is repeated.
function refuseExcess([excess]: readonly string[]): void {
  if (excess === undefined) return
  if (process.argv[2] !== excess) throw new Error('serve takes flags only; a value with spaces is to be quoted')
  throw new Error(`unknown command '${excess}'; xrtc --help lists them`)
}

// Commander takes a flag for given if its variable is there at all, whatever it says.
function withoutDenial(options: ServeOptions, command: Command): ServeOptions {
  const denied = (name: string, variable: string): boolean => {
    const said = process.env[variable] ?? ''
    if (command.getOptionValueSource(name) !== 'env' || /^(?:1|true|yes|on)$/i.test(said)) return false
    if (/^(?:|0|false|no|off)$/i.test(said)) return true
    throw new Error(`${variable} is 1 or 0, not '${said}'`)
  }
  return {
    ...options,
    ...(denied('https', 'XRTC_HTTPS') ? { https: false } : {}),
    ...(denied('udpPortPerWorker', 'XRTC_UDP_PORT_PER_WORKER') ? { udpPortPerWorker: false } : {}),
  }
}

function host(value: string): string {
  if (/^\S+$/.test(value)) return value
  throw new InvalidArgumentError('It is an IP address or a name.')
}

function turnHost(value: string): string {
  if (isIP(value) !== 0 || /^[\w.-]+$/.test(value)) return value
  throw new InvalidArgumentError('It is an IP address or a name, without a port.')
}

function port(value: string): number {
  return integer(value, 0, 65_535)
}

function tcpPort(value: string): number | false | 'shared' {
  if (value === 'shared') return value
  if (value === 'off') return false
  if (/^\d+$/.test(value)) return port(value)
  throw new InvalidArgumentError('It is a number from 0 to 65535, shared or off.')
}

function mediaHosts(value: string, before: readonly string[] | undefined): readonly string[] {
  const hosts = [...(before ?? []), ...value.split(',').map((entry) => entry.trim())]
  const families = hosts.map((entry) => isIP(entry))
  if (!families.includes(0) && new Set(families).size === families.length) return hosts
  throw new InvalidArgumentError('Use an IP address of this machine, or one of each family.')
}

function interfaces(value: string): readonly string[] {
  const names = value.split(',').map((name) => name.trim())
  if (names.every(isInterfaceName)) return names
  throw new InvalidArgumentError('Use names such as eth0, eth* or !docker*.')
}

function portRange(value: string): readonly [number, number] {
  const [, first, last] = /^(\d+)-(\d+)$/.exec(value) ?? []
  const range = [Number(first), Number(last)] as const
  if (range[0] >= 1_024 && range[1] >= range[0] && range[1] <= 65_535) return range
  throw new InvalidArgumentError('It is FIRST-LAST, from 1024 to 65535.')
}

function workers(value: string): number {
  return integer(value, 1, 64)
}

// Commander repeats a value that it refuses, unless what is thrown is no InvalidArgumentError.
function secret(flag: string, check: (value: string) => unknown): (value: string) => string {
  return (value) => {
    try {
      check(value)
      return value
    } catch (error) {
      throw new Error(`${written(flag)} is invalid: ${error instanceof Error ? error.message : ''}`, { cause: error })
    }
  }
}

/** Where its value comes from: the flag, or without one its variable. */
function written(flag: string): string {
  const isGiven = process.argv.some((argument) => argument === flag || argument.startsWith(`${flag}=`))
  return isGiven ? flag : `XRTC_${flag.slice(2).toUpperCase().replaceAll('-', '_')}`
}

function notEmpty(flag: string): (value: string) => string {
  return secret(flag, checkNotEmpty)
}

function checkNotEmpty(value: string): void {
  if (value === '') throw new Error('it must not be empty')
}

// Clients send it in a header, where every other character has several forms.
function checkToken(value: string): void {
  if (!/^[!-~]+$/.test(value)) throw new Error('a token has visible ASCII characters: at least one, and no spaces')
}

function proxies(value: string): number | readonly string[] {
  const trusted = /^\d+$/.test(value) ? Number(value) : value.split(',').map((entry) => entry.trim())
  try {
    clientAddressBehind(trusted)
    return trusted
  } catch {
    throw new InvalidArgumentError('Use a number of proxies, or networks such as 10.0.0.0/8, separated by commas.')
  }
}

function publicUrl(value: string): string {
  const url = value.replace(/\/$/, '')
  try {
    checkPublicUrl(url)
    return url
  } catch {
    throw new InvalidArgumentError('Use a URL such as https://media.example/live.')
  }
}

function iceServers(value: string, before: readonly string[] | undefined): readonly string[] {
  const urls = value.split(',').map((entry) => entry.trim())
  if (iceUrls(urls) !== undefined) return [...(before ?? []), ...urls]
  throw new InvalidArgumentError('Use stun:HOST[:PORT] or turn:HOST[:PORT].')
}

function turnUrls(value: string, before: readonly string[] | undefined): readonly string[] {
  const urls = value.split(',').map((entry) => entry.trim())
  if (urls.every((url) => /^turns?:[^\s<>"\\;]+$/.test(url))) return [...(before ?? []), ...urls]
  throw new InvalidArgumentError('Use turn:HOST:PORT or turns:HOST:PORT, with ?transport=udp or tcp if needed.')
}

// Their URLs may have tokens in them.
function remotes(flag: string): (value: string, before: readonly RemoteFlag[] | undefined) => readonly RemoteFlag[] {
  return (value, before) => {
    const flags: RemoteFlag[] = []
    for (const entry of value.split(',')) secret(flag, (text) => flags.push(parseRemote(text)))(entry.trim())
    return [...(before ?? []), ...flags]
  }
}

function addresses(value: string, before: readonly string[] | undefined): readonly string[] {
  const written = value.split(',').map((entry) => entry.trim())
  for (const entry of written) {
    try {
      parseAddress(entry)
    } catch {
      throw new InvalidArgumentError('Use an IP address or a name, with :PORT if needed; IPv6 with a port in brackets.')
    }
  }
  return [...(before ?? []), ...written]
}

function integer(value: string, least: number, most: number): number {
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN
  if (number >= least && number <= most) return number
  throw new InvalidArgumentError(`It is a number from ${least} to ${most}.`)
}
