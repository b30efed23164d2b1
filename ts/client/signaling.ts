import { iceServersOf, type LinkedIceServer } from './link-header.ts'
import { ClientError, problemOfResponse, type ConflictCode } from './problem.ts'

/** What a WHIP or WHEP endpoint answered to an offer (RFC 9725 §4.2). */
export interface Answer {
  readonly sdp: string
  /** The STUN and TURN servers that the endpoint names. */
  readonly iceServers: readonly LinkedIceServer[]
  /** The session's own URL, for DELETE; absolute. */
  readonly session: URL
}

/** Where and as whom to POST. */
export interface Endpoint {
  readonly url: URL
  readonly token: string | undefined
  readonly conflict: ConflictCode
}

/** POSTs an offer and returns the answer; every failure is a {@link ClientError}. */
export async function postOffer(endpoint: Endpoint, sdp: string, signal: AbortSignal): Promise<Answer> {
  const response = await send(endpoint, endpoint.url, {
    method: 'POST',
    headers: { 'content-type': 'application/sdp' },
    body: sdp,
    signal,
  })
  if (response.status !== 201) throw await problemOfResponse(response, endpoint.conflict)
  const location = response.headers.get('location')
  if (location === null) throw new ClientError('offerRefused', 'The server sent no Location for the session.')
  return {
    sdp: await response.text(),
    iceServers: iceServersOf(response.headers.get('link') ?? undefined),
    session: new URL(location, response.url || endpoint.url),
  }
}

/** Whether the list at an address, `/api/streams?name=NAME`, has a live stream; every failure is a {@link ClientError}. */
export async function hasLiveStream(endpoint: Endpoint, list: URL, signal: AbortSignal): Promise<boolean> {
  const response = await send(endpoint, list, { signal })
  if (!response.ok) throw await problemOfResponse(response, endpoint.conflict)
  // The stream is elsewhere: the endpoint says where.
  if (response.status === 204) return true
  const { streams } = (await response.json()) as { readonly streams: readonly { readonly live: boolean }[] }
  return streams.some(({ live }) => live)
}

/** Ends a session. `keepalive` lets the request outlive the page; failures are nobody's concern any more. */
export async function deleteSession(endpoint: Endpoint, session: URL): Promise<void> {
  await send(endpoint, session, { method: 'DELETE', keepalive: true }).catch(() => {})
}

async function send(endpoint: Endpoint, url: URL, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers)
  if (endpoint.token !== undefined) headers.set('authorization', `Bearer ${endpoint.token}`)
  try {
    return await fetch(url, { ...init, headers })
  } catch (error) {
    if (init.signal?.aborted) throw error
    throw new ClientError('unreachable', 'The server cannot be reached.', { cause: error })
  }
}
