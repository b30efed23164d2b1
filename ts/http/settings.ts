// Options of a signaling: their shapes and defaults.

import type {
  CorsOptions,
  RateLimit,
  RateLimitOptions,
  SignalingOptions,
  WhepExtensions,
  XrtcRoutesOptions,
} from '../../index.d.ts'
import { flag, integer, invalid, known, text } from '../options.ts'
import { clientAddressBehind } from './client-address.ts'
import { RATE_LIMIT_DEFAULTS } from './rate-limit.ts'
import type { SignalingSettings } from './signaling.ts'
import { SIGNALING_DEFAULTS } from './signaling.ts'

const SIGNALING_KEYS = [
  ...Object.keys(SIGNALING_DEFAULTS),
  'authorize',
  'cors',
  'processTag',
  'publicUrl',
  'trustProxy',
]

/** Options of a signaling with their defaults. */
export function signalingSettings(options: SignalingOptions): SignalingSettings {
  known('signaling', options, SIGNALING_KEYS)
  const { basePath = SIGNALING_DEFAULTS.basePath, authorize, cors, processTag, publicUrl } = options
  if (typeof basePath !== 'string' || !/^(?:\/[^/?#]+)*$/.test(basePath)) {
    throw invalid('basePath is a path such as /media, without a slash at its end')
  }
  if (cors !== undefined && cors !== false) checkCors(cors)
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

function checkCors(cors: CorsOptions): void {
  known('cors', cors, ['maxAgeSeconds', 'origins'])
  const { origins = '*', maxAgeSeconds } = cors
  integer('cors.maxAgeSeconds', maxAgeSeconds, [0, 1 << 30])
  if (origins === '*' || (Array.isArray(origins) && origins.every(isOrigin))) return
  throw invalid("cors.origins is '*' or an array of origins such as https://media.example, without a path")
}

// As browsers write it in `Origin`: nobody's is equal to another form. Apps have schemes of their own.
function isOrigin(origin: unknown): boolean {
  if (origin === 'null') return true
  if (typeof origin !== 'string' || !URL.canParse(origin)) return false
  return /^https?:/i.test(origin) ? new URL(origin).origin === origin : /^[a-z][a-z\d+.-]*:\/\/[^\s/?#]+$/.test(origin)
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
  throw invalid('publicUrl is a URL such as https://media.example/live, without a slash at its end')
}

function xrtcRoutes(options: unknown): XrtcRoutesOptions | false {
  if (options === undefined || typeof options === 'boolean') return options === true ? {} : false
  known('xrtc', options, ['replace'])
  const replace = flag('xrtc.replace', (options as XrtcRoutesOptions).replace)
  return replace === undefined ? {} : { replace }
}
