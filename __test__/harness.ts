// What the API tests share: servers and HTTP listeners that end with their test, offers of real clients, requests.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ExecutionContext } from 'ava'
import { createServer } from 'xrtc'
import type { MediaServer, ServerOptions, Signaling, SignalingOptions } from 'xrtc'

/** A server on loopback with one worker, or as the options say. */
export async function startServer(t: ExecutionContext, options: ServerOptions = {}): Promise<MediaServer> {
  const server = await createServer({ udp: { host: '127.0.0.1' }, workers: 1, ...options })
  t.teardown(() => server.close())
  return server
}

/** A listener on a free port; gives its URL without a slash at the end. */
export async function listen(t: ExecutionContext, listener: RequestListener): Promise<string> {
  const http = createHttpServer(listener).listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.teardown(() => {
    http.closeAllConnections()
    http.close()
  })
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`
}

/** A server with its signaling. */
export interface Site {
  readonly server: MediaServer
  readonly signaling: Signaling
  readonly url: string
}

/** Starts a server and serves its signaling. */
export async function startSite(
  t: ExecutionContext,
  options: SignalingOptions = {},
  serverOptions: ServerOptions = {},
): Promise<Site> {
  const server = await startServer(t, serverOptions)
  const signaling = server.signaling(options)
  return { server, signaling, url: await listen(t, signaling.listener) }
}

/** An offer of a real client, by its file's name in `offers/`. */
export function offerOf(name: string): string {
  return readFileSync(new URL(`../__test__/offers/${name}.sdp`, import.meta.url), 'utf8')
}

/** POSTs an offer. */
export function post(url: string, offer: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/sdp', ...headers }, body: offer })
}

/** POSTs an offer that is expected to be answered, and gives the session's URL, tag and answer. */
export async function open(
  url: string,
  offer: string,
  headers: Record<string, string> = {},
): Promise<{ readonly session: string; readonly etag: string; readonly answer: string }> {
  const response = await post(url, offer, headers)
  const answer = await response.text()
  if (response.status !== 201) throw new Error(`${response.status}: ${answer}`)
  const session = new URL(response.headers.get('location') ?? '', url).href
  return { session, etag: response.headers.get('etag') ?? '', answer }
}

/** PATCHes a session with a fragment. */
export function patch(session: string, fragment: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(session, {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/trickle-ice-sdpfrag', ...headers },
    body: fragment,
  })
}

/** A trickle fragment with the credentials of an offer, or others. */
export function fragment(
  offer: string,
  {
    candidates = [],
    ufrag,
    pwd,
  }: { readonly candidates?: readonly string[]; readonly ufrag?: string; readonly pwd?: string } = {},
): string {
  const own = (name: string): string => new RegExp(`a=${name}:(\\S+)`).exec(offer)?.[1] ?? ''
  return [
    `a=ice-ufrag:${ufrag ?? own('ice-ufrag')}`,
    `a=ice-pwd:${pwd ?? own('ice-pwd')}`,
    'm=audio 9 UDP/TLS/RTP/SAVPF 0',
    'a=mid:0',
    ...candidates.map((candidate) => `a=${candidate}`),
    '',
  ].join('\r\n')
}

/** The problem document of a response. */
export async function problemOf(response: Response): Promise<Record<string, unknown>> {
  return (await response.json()) as Record<string, unknown>
}

/** The answer of a simple peer to an offer of the server: everything is taken, and there are no candidates. */
export function answerTo(offer: string): string {
  const direction = offer.includes('a=recvonly') ? 'sendonly' : 'recvonly'
  return offer
    .replaceAll(/^a=(?:candidate:.*|end-of-candidates|ice-lite|ssrc.*|msid.*)\r\n/gm, '')
    .replaceAll(/^a=(?:sendonly|recvonly)/gm, `a=${direction}`)
    .replaceAll(/^a=setup:actpass/gm, 'a=setup:active')
    .replaceAll(/^a=ice-ufrag:\S+/gm, 'a=ice-ufrag:peer')
    .replaceAll(/^a=ice-pwd:\S+/gm, 'a=ice-pwd:abcdefghijklmnopqrstuvwx')
}

/** Looks again and again until it holds. Throws with the condition's text when that takes over 20 s. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`this did not come to hold within 20 s: ${holds}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
