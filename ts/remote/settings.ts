// Options of `pullFrom` and `pushTo`: their shapes and defaults.

import type { PullFromOptions } from '../../index.d.ts'
import { errorOf } from '../errors.ts'
import type { GatherOptions } from '../gathering.ts'
import { gatherOf, policyOf } from '../gathering.ts'
import { flag, integer, invalid, known, mediaKinds, text } from '../options.ts'
import { parseStreamName } from '../stream-name.ts'

/** The settings of one remote stream. */
export interface RemoteSettings {
  readonly url: URL
  readonly streamName: string
  readonly token: () => Promise<string | undefined>
  readonly headers: Readonly<Record<string, string>>
  /** Origins that may see token and headers. */
  readonly trusted: ReadonlySet<string>
  readonly media: NonNullable<PullFromOptions['media']>
  /** What its peers are opened with besides; `wait` bounds what a function of the user's may take. */
  readonly gather: (wait: Wait) => Promise<GatherOptions>
  readonly replace: boolean
  readonly requestTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly retryMinMs: number
  readonly retryMaxMs: number
  /** How often in a row. */
  readonly maxRetries: number
}

type Wait = <Value>(ask: () => Promise<Value>) => Promise<Value>

const KEYS = [
  ...[
    'connectTimeoutMs',
    'headers',
    'iceServers',
    'iceTransportPolicy',
    'maxRetries',
    'media',
    'replace',
    'requestTimeoutMs',
  ],
  ...['retryMaxMs', 'retryMinMs', 'signal', 'token', 'trustedOrigins'],
]

// What belongs to the exchange itself.
const RESERVED = ['accept', 'authorization', 'content-length', 'content-type', 'host']

/** Checks the arguments and adds the defaults; what `base` says of ICE is the server's. */
export function remoteSettings(
  action: 'pull' | 'push',
  [url, name]: readonly [string | URL, string],
  options: PullFromOptions,
  base: GatherOptions,
): RemoteSettings {
  // First, because it is what shows that the two are in the wrong order.
  const endpoint = remoteUrl(url)
  const streamName = parseStreamName(name)
  if (action === 'pull') known('pullFrom', options, KEYS)
  else
    known(
      'pushTo',
      options,
      KEYS.filter((key) => key !== 'replace'),
    )
  mediaKinds('media', options.media)
  const { token, headers = {}, trustedOrigins = [] } = options
  if (token !== undefined && typeof token !== 'string' && typeof token !== 'function') {
    throw invalid('token is a string or a function that gives one')
  }
  const limits = [1, 600_000] as const
  const connectTimeoutMs = integer('connectTimeoutMs', options.connectTimeoutMs, limits) ?? 10_000
  const retryMinMs = integer('retryMinMs', options.retryMinMs, limits) ?? 500
  const retryMaxMs = integer('retryMaxMs', options.retryMaxMs, [1, 3_600_000]) ?? Math.max(retryMinMs, 30_000)
  if (retryMaxMs < retryMinMs) throw invalid('retryMaxMs is not below retryMinMs')
  return {
    url: endpoint,
    streamName,
    token: async () => {
      const given = typeof token === 'function' ? await token() : token
      return given === undefined ? undefined : text('token', given)
    },
    headers: parseHeaders(headers),
    trusted: new Set([endpoint.origin, ...trustedOrigins.map((origin) => remoteUrl(origin).origin)]),
    media: { ...options.media },
    gather: gatherOptions(options, { base, gatherTimeoutMs: connectTimeoutMs }),
    replace: flag('replace', options.replace) ?? false,
    requestTimeoutMs: integer('requestTimeoutMs', options.requestTimeoutMs, limits) ?? 10_000,
    connectTimeoutMs,
    retryMinMs,
    retryMaxMs,
    maxRetries: integer('maxRetries', options.maxRetries, [0, Number.MAX_SAFE_INTEGER]) ?? Infinity,
  }
}

// A list is checked at once, what a function gives when it is asked: credentials of TURN servers end.
function gatherOptions(
  { iceServers, iceTransportPolicy }: PullFromOptions,
  { base, gatherTimeoutMs }: { readonly base: GatherOptions; readonly gatherTimeoutMs: number },
): RemoteSettings['gather'] {
  const policy = policyOf(iceTransportPolicy)
  const given = { gatherTimeoutMs, ...(policy === undefined ? {} : { iceTransportPolicy: policy }) }
  if (typeof iceServers === 'function') {
    return async (wait) => {
      try {
        return { ...given, iceServers: await wait(async () => await iceServers()) }
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause)
        throw errorOf('XRTC_NO_RELAY', `no ICE servers were given: ${reason}`, { cause })
      }
    }
  }
  const options = { ...given, ...(iceServers === undefined ? {} : { iceServers }) }
  gatherOf(options, base)
  return async () => options
}

/** An absolute URL of http or https without user and password. */
export function remoteUrl(url: unknown): URL {
  const given = url instanceof URL ? url.href : url
  const parsed = typeof given === 'string' && URL.canParse(given) ? new URL(given) : undefined
  if (parsed === undefined || !['http:', 'https:'].includes(parsed.protocol)) {
    throw invalid('a URL is an absolute one of http or https, such as https://media.example/whep/lobby')
  }
  // undici would ignore them, and they would show in logs.
  if (parsed.username !== '' || parsed.password !== '') throw invalid('a URL has no user and password: use a token')
  return parsed
}

function parseHeaders(headers: unknown): Record<string, string> {
  if (typeof headers !== 'object' || headers === null) throw invalid('headers are an object')
  const entries = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), text(name, value)] as const)
  const reserved = entries.find(([name]) => RESERVED.includes(name))
  if (reserved !== undefined) throw invalid(`headers cannot have ${reserved[0]}`)
  return Object.fromEntries(entries)
}
