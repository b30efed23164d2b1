// ICE servers as `Link` headers (RFC 9725 §4.6), in the one form that every known client reads: a header line for each
// URL; `username`, `credential` and `credential-type` in this order; `turn:` before `turns:`, because OBS stops at the
// latter. `credential-type` was dropped from the last drafts, but MediaMTX's players take no credentials without it.

import type { IceServer } from '../../index.d.ts'
import type { HttpResponse } from './message.ts'

const SCHEMES = ['stun', 'stuns', 'turn', 'turns']

/** The lines for a list of ICE servers. The order within a scheme is the list's. */
export function iceServerLinks(servers: readonly IceServer[]): HttpResponse['headers'] {
  const entries = servers.flatMap((server) => [server.urls].flat().map((url) => ({ server, url })))
  const ordered = SCHEMES.flatMap((scheme) => entries.filter(({ url }) => schemeOf(url) === scheme))
  return ordered.map(({ server, url }) => ['Link', linkOf(server, url)])
}

function linkOf({ username, credential }: IceServer, url: string): string {
  const link = `<${url}>; rel="ice-server"`
  if (username === undefined || credential === undefined || schemeOf(url).startsWith('stun')) return link
  return `${link}; username=${quoted(username)}; credential=${quoted(credential)}; credential-type="password"`
}

function schemeOf(url: string): string {
  return url.split(':', 1)[0]?.toLowerCase() ?? ''
}

// RFC 9110 §5.6.4.
function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`
}
