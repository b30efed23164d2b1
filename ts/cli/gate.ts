// Who may do what, by the flags: one token for everybody, or JSON Web Tokens; and TURN for whoever may.

import { createHash, timingSafeEqual } from 'node:crypto'
import type { Authorize, TurnOptions } from '../../index.d.ts'
import { jwtAuthorize } from '../auth/jwt.ts'
import { turnCredentials } from '../auth/turn.ts'
import type { Certificate } from './certificate.ts'

/** The flags. */
export interface GateFlags {
  readonly token?: string
  readonly jwksUrl?: string
  readonly jwtSecret?: string
  readonly jwtAudience?: string
  readonly jwtIssuer?: string
  readonly turn?: readonly string[]
  readonly turnSecret?: string
  readonly turnPort?: number
  readonly turnTlsPort?: number
  readonly turnHost?: string
  readonly turnRelayPorts?: readonly [number, number]
}

/** What is wrong with the flags together, if anything is. */
export function conflictOf({
  token,
  jwksUrl,
  jwtSecret,
  jwtAudience,
  jwtIssuer,
  ...turn
}: GateFlags): string | undefined {
  const sources = [token, jwksUrl, jwtSecret].filter((source) => source !== undefined)
  if (sources.length > 1) return 'only one of --token, --jwks-url and --jwt-secret is possible'
  if (token !== undefined || sources.length === 0) {
    if (jwtAudience !== undefined) return '--jwt-audience goes with --jwks-url or --jwt-secret'
    if (jwtIssuer !== undefined) return '--jwt-issuer goes with --jwks-url or --jwt-secret'
  }
  return turnConflictOf(turn)
}

function turnConflictOf({ turn, turnSecret, turnPort, ...rest }: GateFlags): string | undefined {
  if (turn !== undefined && turnSecret === undefined) return '--turn and --turn-secret go together'
  if (turnPort !== undefined) return undefined
  if (turn === undefined && turnSecret !== undefined) return '--turn-secret goes with --turn or --turn-port'
  const alone = Object.entries({
    '--turn-tls-port': rest.turnTlsPort,
    '--turn-host': rest.turnHost,
    '--turn-relay-ports': rest.turnRelayPorts,
  }).find(([, value]) => value !== undefined)
  return alone && `${alone[0]} goes with --turn-port`
}

/** The options of the embedded TURN server; nothing where it is off. */
export function turnOf(flags: GateFlags, certificate: Certificate | undefined): TurnOptions | undefined {
  const { turnPort, turnTlsPort, turnSecret, turnHost, turnRelayPorts } = flags
  if (turnPort === undefined) return undefined
  return {
    port: turnPort,
    ...(turnTlsPort === undefined || certificate === undefined ? {} : { tls: { port: turnTlsPort, ...certificate } }),
    ...(turnSecret === undefined ? {} : { secret: turnSecret }),
    ...(turnHost === undefined ? {} : { host: turnHost }),
    ...(turnRelayPorts === undefined ? {} : { relayPorts: turnRelayPorts }),
  }
}

/** Whether nobody is asked for a token. */
export function isOpen({ token, jwksUrl, jwtSecret }: GateFlags): boolean {
  return token === undefined && jwksUrl === undefined && jwtSecret === undefined
}

/** The `authorize` of the flags; nothing where they ask for nothing. */
export function gateOf(flags: GateFlags): Authorize | undefined {
  const { turn: urls, turnSecret: secret } = flags
  const byToken = tokenGateOf(flags)
  if (urls === undefined || secret === undefined) return byToken
  return async (request, context) => {
    const result = byToken === undefined ? true : await byToken(request, context)
    if (result === false || result === 'forbidden') return result
    const grant = result === true ? {} : result
    const named = grant.identity === undefined ? {} : { identity: grant.identity }
    return { ...grant, iceServers: [turnCredentials({ secret, urls, ...named })] }
  }
}

function tokenGateOf({ token, jwksUrl, jwtSecret, jwtAudience, jwtIssuer }: GateFlags): Authorize | undefined {
  if (token !== undefined) return oneToken(token)
  const key = jwksUrl === undefined ? (jwtSecret === undefined ? undefined : { secret: jwtSecret }) : { jwksUrl }
  if (key === undefined) return undefined
  return jwtAuthorize({
    ...key,
    ...(jwtAudience === undefined ? {} : { audience: jwtAudience }),
    ...(jwtIssuer === undefined ? {} : { issuer: jwtIssuer }),
  })
}

function oneToken(token: string): Authorize {
  const wanted = createHash('sha256').update(token).digest()
  // Digests have one length, and comparing them tells nothing about the token.
  return (request) =>
    request.token !== undefined && timingSafeEqual(createHash('sha256').update(request.token).digest(), wanted)
}
