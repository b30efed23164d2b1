// Requests to the other server: redirects, the token's limits, bounded bodies. undici carries them.

import type { Agent, Dispatcher } from 'undici'
import { XrtcError, errorOf } from '../errors.ts'
import { given } from './given.ts'
import type { RemoteSettings } from './settings.ts'

/** The media type of offers and answers. */
export const SDP = 'application/sdp'

/** A response as far as it matters here. */
export interface Reply {
  readonly status: number
  /** Who answered, after redirects. */
  readonly url: URL
  /** The media type, without parameters. */
  readonly type: string
  readonly body: string
  /** One header by its lower-case name; several lines are joined. */
  header(name: string): string | undefined
}

// A description has some kilobytes; the workers take no more than this.
const MAX_BODY_BYTES = 65_536
const MAX_REDIRECTS = 5

/** The HTTP side of one remote stream. */
export class Exchange {
  readonly #settings: RemoteSettings
  #client: Promise<Client> | undefined

  constructor(settings: RemoteSettings) {
    this.#settings = settings
  }

  /**
   * Sends a request and follows what redirects keep its method (307, 308: RFC 9725 §4.5).
   *
   * @throws {RemoteError} `XRTC_REMOTE_UNREACHABLE`: there was no response in time, or redirects go on and on.
   */
  async send(method: 'POST' | 'PATCH' | 'DELETE', url: URL, body: string, signal: AbortSignal): Promise<Reply> {
    const { token: ask, requestTimeoutMs: limitMs } = this.#settings
    const token = await given('token', ask, { signal, limitMs })
    let target = url
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      const reply = await this.#once(method, target, { body, token, signal })
      const location = reply.header('location')
      if ((reply.status !== 307 && reply.status !== 308) || location === undefined) return reply
      target = resolve(location, target)
    }
    throw unreachable(url, `more than ${MAX_REDIRECTS} redirects`)
  }

  /** Drops the connections. */
  async close(): Promise<void> {
    await (await this.#client)?.agent.destroy()
  }

  async #once(
    method: Dispatcher.HttpMethod,
    url: URL,
    {
      body,
      token,
      signal,
    }: { readonly body: string; readonly token: string | undefined; readonly signal: AbortSignal },
  ): Promise<Reply> {
    const { requestTimeoutMs, trusted, headers } = this.#settings
    const deadline = AbortSignal.timeout(requestTimeoutMs)
    this.#client ??= connect()
    try {
      const { agent, request } = await this.#client
      const response = await request(url, {
        method,
        dispatcher: agent,
        signal: AbortSignal.any([signal, deadline]),
        headers: {
          accept: SDP,
          ...(body === '' ? {} : { 'content-type': SDP }),
          // Neither may reach a server that a redirect or a session's URL has named, unless it is trusted.
          ...(trusted.has(url.origin) ? headers : {}),
          ...(trusted.has(url.origin) && token !== undefined ? { authorization: `Bearer ${token}` } : {}),
        },
        ...(body === '' ? {} : { body }),
      })
      return replyOf(response, url, await readBody(response, url))
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (deadline.aborted) throw unreachable(url, `no response within ${requestTimeoutMs} ms`, error)
      if (error instanceof XrtcError) throw error
      throw unreachable(url, error instanceof Error ? error.message : String(error), error)
    }
  }
}

interface Client {
  readonly agent: Agent
  readonly request: typeof import('undici').request
}

// Loaded with the first request: it takes longer than all the rest of the package.
async function connect(): Promise<Client> {
  const { Agent, request } = await import('undici')
  // Requests are minutes apart: kept connections would only be found closed.
  return { agent: new Agent({ pipelining: 0 }), request }
}

/** A URL that a header names, beside the one that was asked. */
export function resolve(location: string, base: URL): URL {
  const url = URL.canParse(location, base.href) ? new URL(location, base) : undefined
  if (url !== undefined && ['http:', 'https:'].includes(url.protocol)) return url
  throw errorOf('XRTC_REMOTE_REFUSED', 'the remote server names a location that is no http URL', {
    details: { url: base.origin },
  })
}

function replyOf({ statusCode, headers }: Dispatcher.ResponseData, url: URL, body: string): Reply {
  const header = (name: string): string | undefined => {
    const value = headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }
  const type = header('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  return { status: statusCode, url, type, body, header }
}

async function readBody({ body }: Dispatcher.ResponseData, url: URL): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) throw unreachable(url, `a response of more than ${MAX_BODY_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

// Query and path may hold secrets, so messages name the origin alone.
function unreachable(url: URL, reason: string, cause?: unknown): XrtcError {
  return errorOf('XRTC_REMOTE_UNREACHABLE', `${url.origin}: ${reason}`, { cause, details: { url: url.origin } })
}
