// Credentials of TURN servers that end by themselves, in the manner of draft-uberti-behave-turn-rest-00, which coturn
// (`use-auth-secret`) and most others know.

import { createHash, createHmac } from 'node:crypto'
import type { IceServer, TurnCredentialsOptions } from '../../index.d.ts'
import { ICE_URLS_RULE, iceUrls } from '../ice-server.ts'
import { integer, invalid, known, text } from '../options.ts'

// A user name has fewer than 509 bytes (RFC 8489 §14.3).
const LONGEST_NAME = 480

/** Mints credentials for one client. */
export function turnCredentials(options: TurnCredentialsOptions): IceServer {
  known('turnCredentials', options, ['identity', 'secret', 'ttlSeconds', 'urls'])
  const { urls, identity } = options
  if (iceUrls(urls) === undefined) throw invalid(ICE_URLS_RULE)
  const secret = text('secret', options.secret)
  if (secret === '') throw invalid('secret must not be empty')
  const ttlSeconds = integer('ttlSeconds', options.ttlSeconds, [1, 31_536_000]) ?? 86_400
  const expiry = Math.floor(Date.now() / 1_000) + ttlSeconds
  const username = identity === undefined ? String(expiry) : `${expiry}:${named(text('identity', identity))}`
  return { urls, username, credential: createHmac('sha1', secret).update(username).digest('base64') }
}

/** The app's name of a client as a part of a user name; its SHA-256 if it is too long for one. */
function named(identity: string): string {
  // Some clients cut `Link` headers at commas and semicolons, so it is encoded.
  const encoded = encodeURIComponent(identity)
  return encoded.length <= LONGEST_NAME ? encoded : createHash('sha256').update(identity).digest('base64url')
}
