// Tokens that say who may do what, verified by jose (JWS of RFC 7515, JWT of RFC 7519, key sets of RFC 7517), which is
// loaded with the first token.

import { createPublicKey, createSecretKey } from 'node:crypto'
import type { JsonWebKey, KeyObject } from 'node:crypto'
import type { JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from 'jose'
import type { AuthorizeContext, Grant, JwtAuthorize, JwtAuthorizeOptions } from '../../index.d.ts'
import { integer, invalid, known, text } from '../options.ts'
import { matchesStream } from './stream-pattern.ts'

/** Makes an `authorize` that asks for a JSON Web Token. */
export function jwtAuthorize(options: JwtAuthorizeOptions): JwtAuthorize {
  known('jwtAuthorize', options, KEYS)
  const tolerance = integer('clockToleranceSeconds', options.clockToleranceSeconds, [0, 3_600]) ?? 5
  const { key, fitting } = keySource(options)
  const rules: JWTVerifyOptions = {
    algorithms: algorithmsOf(options.algorithms, fitting),
    clockTolerance: tolerance,
    ...(options.audience === undefined ? {} : { audience: mutable(options.audience) }),
    ...(options.issuer === undefined ? {} : { issuer: mutable(options.issuer) }),
  }
  const claim = options.claim === undefined ? 'xrtc' : text('claim', options.claim)
  return async ({ token }, context) => {
    if (token === undefined) return false
    const payload = await verify(token, key, rules)
    if (payload === undefined) return false
    return isAllowed(payload[claim], context) ? grantOf(payload, tolerance) : 'forbidden'
  }
}

const KEYS = [
  ...['algorithms', 'audience', 'claim', 'clockToleranceSeconds', 'issuer'],
  ...['jwksUrl', 'publicKey', 'secret'],
]
// By kind of key. What a token names beside them is refused before a key is touched.
const ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  secret: ['HS256', 'HS384', 'HS512'],
  rsa: ['PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512'],
  'rsa-pss': ['PS256', 'PS384', 'PS512'],
  prime256v1: ['ES256'],
  secp384r1: ['ES384'],
  secp521r1: ['ES512'],
  ed25519: ['Ed25519', 'EdDSA'],
}

// RFC 7518 §3.2: a key of the size of the hash, at least.
const LEAST_SECRET_BYTES = 32

// Away keys are the operator's trouble; everything else that jose finds wrong is the token's.
const NOT_THE_TOKEN = ['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC']

type KeySource = () => Promise<KeyObject | JWTVerifyGetKey>

function keySource(options: JwtAuthorizeOptions): { readonly key: KeySource; readonly fitting: readonly string[] } {
  const { secret, publicKey, jwksUrl } = options
  if ([secret, publicKey, jwksUrl].filter((source) => source !== undefined).length !== 1) {
    throw invalid('jwtAuthorize has one of secret, publicKey and jwksUrl')
  }
  if (jwksUrl !== undefined) {
    const fitting = Object.entries(ALGORITHMS).flatMap(([kind, names]) => (kind === 'secret' ? [] : names))
    return { key: remoteKeys(jwksUrl), fitting }
  }
  const key = secret === undefined ? readPublicKey(publicKey) : readSecret(secret)
  const kind = key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType ?? key.type
  const fitting = ALGORITHMS[kind]
  if (fitting === undefined) throw invalid(`a key of the kind ${kind} signs no tokens`)
  return { key: () => Promise.resolve(key), fitting }
}

// A list that fits no key would refuse every token without saying why.
function algorithmsOf(algorithms: unknown, fitting: readonly string[]): string[] {
  if (algorithms === undefined) return [...fitting]
  const names: readonly unknown[] = Array.isArray(algorithms) ? algorithms : []
  const taken = fitting.filter((name) => names.includes(name))
  if (names.length > 0 && names.every((name) => taken.some((fit) => fit === name))) return taken
  throw invalid(`algorithms is a list of one or more that fit the key: ${fitting.join(', ')}`)
}

function readSecret(secret: string | Uint8Array): KeyObject {
  const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret
  if (!(bytes instanceof Uint8Array) || bytes.length < LEAST_SECRET_BYTES) {
    throw invalid(`secret is a string or bytes, at least ${LEAST_SECRET_BYTES} of them`)
  }
  return createSecretKey(bytes)
}

function readPublicKey(key: unknown): KeyObject {
  try {
    if (typeof key === 'string') return createPublicKey(key)
    if (typeof key === 'object' && key !== null) return createPublicKey({ key: key as JsonWebKey, format: 'jwk' })
  } catch (error) {
    throw invalid(`publicKey cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
  throw invalid('publicKey is PEM or a JWK')
}

function remoteKeys(jwksUrl: string | URL): KeySource {
  if (!URL.canParse(jwksUrl.toString()) || !/^https?:/.test(jwksUrl.toString())) {
    throw invalid('jwksUrl is an http or https URL')
  }
  let keys: Promise<JWTVerifyGetKey> | undefined
  // jose asks again for keys that it does not know, at most every 30 seconds.
  return () => (keys ??= import('jose').then(({ createRemoteJWKSet }) => createRemoteJWKSet(new URL(jwksUrl))))
}

async function verify(token: string, source: KeySource, rules: JWTVerifyOptions): Promise<JWTPayload | undefined> {
  const { errors, jwtVerify } = await import('jose')
  const key = await source()
  try {
    const { payload } = await (typeof key === 'function' ? jwtVerify(token, key, rules) : jwtVerify(token, key, rules))
    return payload
  } catch (error) {
    if (error instanceof errors.JOSEError && !NOT_THE_TOKEN.includes(error.code)) return undefined
    throw error
  }
}

function isAllowed(permission: unknown, { action, stream }: AuthorizeContext): boolean {
  if (typeof permission !== 'object' || permission === null) return false
  const allowed: unknown = Object.hasOwn(permission, action) ? (permission as Record<string, unknown>)[action] : false
  if (action === 'list') return allowed === true
  const patterns: readonly unknown[] = Array.isArray(allowed) ? allowed : [allowed]
  return patterns.some((pattern) => typeof pattern === 'string' && matchesStream(pattern, stream))
}

function grantOf({ sub, exp }: JWTPayload, toleranceSeconds: number): Grant {
  return {
    ...(typeof sub === 'string' ? { identity: sub } : {}),
    ...(exp === undefined
      ? {}
      : { limits: { expiresInMs: Math.max(1, (exp + toleranceSeconds) * 1_000 - Date.now()) } }),
  }
}

function mutable(texts: string | readonly string[]): string | string[] {
  return typeof texts === 'string' ? texts : [...texts]
}
