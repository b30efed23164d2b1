// ICE servers in `Link` headers (RFC 9725 §4.6): for the browser, and for the server as a client of others.

/** An ICE server, as a header names it. */
export interface LinkedIceServer {
  readonly urls: string
  readonly username?: string
  readonly credential?: string
}

const MAX_SERVERS = 16

/** Reads `<stun:host>; rel="ice-server", <turn:host>; rel="ice-server"; username="u"; credential="c"`. */
export function iceServersOf(header: string | undefined): readonly LinkedIceServer[] {
  const links = [...(header ?? '').matchAll(/<([^>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]+))*)/g)]
  const servers = links.map(([, url = '', rest = '']) => ({ url, parameters: parametersOf(rest) }))
  return servers
    .filter(({ url, parameters }) => /^(?:stun|turn)s?:/i.test(url) && relations(parameters).includes('ice-server'))
    .slice(0, MAX_SERVERS)
    .map(({ url, parameters: { username, credential } }) => ({
      urls: url,
      ...(username === undefined ? {} : { username }),
      ...(credential === undefined ? {} : { credential }),
    }))
}

function relations({ rel = '' }: Readonly<Record<string, string>>): readonly string[] {
  return rel.toLowerCase().split(/\s+/)
}

function parametersOf(text: string): Readonly<Record<string, string>> {
  const pairs = [...text.matchAll(/;\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]+))/g)]
  return Object.fromEntries(
    pairs.map(([, name = '', quoted, plain]) => [name.toLowerCase(), plain ?? (quoted ?? '').replace(/\\(.)/g, '$1')]),
  )
}
