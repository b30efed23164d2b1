// Credentials of TURN servers that end by themselves, in the manner of draft-uberti-behave-turn-rest-00, which coturn
// (`use-auth-secret`) and most others know.

import { createHmac } from 'node:crypto'
import type { IceServer, TurnCredentialsOptions } from '../../index.d.ts'
import { ICE_URLS_RULE, iceUrls } from '../ice-server.ts'
import { integer, invalid, known, text } from '../options.ts'

/** Mints credentials for one client. */
export function turnCredentials(options: TurnCredentialsOptions): IceServer {
  known('turnCredentials', options, ['identity', 'secret', 'ttlSeconds', 'urls'])
  const { urls, identity } = options
  if (iceUrls(urls) === undefined) throw invalid(ICE_URLS_RULE)
  const secret = text('secret', options.secret)
  if (secret === '') throw invalid('secret is not empty')
  const ttlSeconds = integer('ttlSeconds', options.ttlSeconds, [1, 31_536_000]) ?? 86_400
  const expiry = Math.floor(Date.now() / 1_000) + ttlSeconds
  // Some clients cut `Link` headers at commas and semicolons, so a name of the app's is encoded.
  const username =
    identity === undefined ? String(expiry) : `${expiry}:${encodeURIComponent(text('identity', identity))}`
  return { urls, username, credential: createHmac('sha1', secret).update(username).digest('base64') }
}
