// Which resource a path names. What is not here is somebody else's: the next middleware's, or 404.

import { decodeStreamName } from '../stream-name.ts'
import type { HttpRequest } from './message.ts'

/** The two protocols. */
export type Protocol = 'whip' | 'whep'

/** A resource of the signaling. */
export type Route =
  | { readonly kind: 'endpoint'; readonly protocol: Protocol; readonly stream: string }
  | { readonly kind: 'session'; readonly protocol: Protocol; readonly id: string }
  | { readonly kind: 'page'; readonly path: string }

/**
 * Finds the resource of a request's path.
 *
 * @throws {InvalidArgumentError} The path is an endpoint's but its stream name breaks the rules.
 */
export function route(request: HttpRequest, basePath: string): Route | undefined {
  if (!request.path.startsWith(`${basePath}/`)) return undefined
  const path = request.path.slice(basePath.length)
  const [, head = '', tail = ''] = /^\/([^/]*)\/?(.*)$/s.exec(path) ?? []
  switch (head) {
    case 'whip':
    case 'whep':
      return tail === '' ? undefined : { kind: 'endpoint', protocol: head, stream: decodeStreamName(tail) }
    case 'whip-session':
    case 'whep-session':
      return tail === ''
        ? undefined
        : { kind: 'session', protocol: head === 'whip-session' ? 'whip' : 'whep', id: tail }
    default:
      return { kind: 'page', path }
  }
}

/** The path of a session's resource: absolute and without a query, as OBS needs it. */
export function sessionPath(request: HttpRequest, basePath: string, protocol: Protocol, id: string): string {
  return `${request.mount}${basePath}/${protocol}-session/${id}`
}
