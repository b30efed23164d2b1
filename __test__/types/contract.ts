// What must compile against index.d.ts, and what must not. It is compiled with the tests and never run.

import { on, once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createSecureServer } from 'node:http2'
import { InvalidStateError, XrtcError, createServer, jwtAuthorize, turnCredentials } from 'xrtc'
import type {
  Authorize,
  MediaServer,
  Peer,
  PeerStats,
  PullPeer,
  PushPeer,
  Signaling,
  Stream,
  XrtcErrorCode,
} from 'xrtc'

export async function compiles(): Promise<void> {
  await using server: MediaServer = await createServer({
    udp: { port: 8800, host: ['127.0.0.1', '::1'] },
    announce: ['203.0.113.7'],
    limits: { peers: 10 },
  })
  const push: PushPeer = await server.push('lobby', { offer: 'v=0', identity: 'ann', media: { audio: true } })
  const pull: PullPeer = await server.pull('lobby')
  const manual: PushPeer = server.peer({ push: 'lobby', identity: 'bob' })
  const viewing: PullPeer = server.peer({ pull: 'lobby' })
  const peers: readonly Peer[] = [push, pull, manual, viewing]
  for (const peer of peers) {
    if (peer.action === 'push') peer.on('closed', ({ reason, detail }) => reason + detail)
    peer.once('connectionstatechange', ({ connectionState }) => connectionState === 'connected')
  }
  const stream: Stream | undefined = server.stream('lobby')
  stream?.on('change', ({ state, publisher }) => state === 'live' && publisher?.identity)
  for await (const [event] of on(server, 'streamadded')) void event
  await once(server, 'closed')

  const authorize: Authorize = async ({ token }, context) =>
    context.action === 'list' ? false : token === context.stream && { identity: 'x' }
  const byUid: Authorize = (_request, { action, stream, uid }) =>
    uid === undefined ? action === 'list' : stream !== ''
  void byUid
  const signaling: Signaling = server.signaling({ authorize, cors: { origins: ['https://a.example'] } })
  const { listener } = signaling
  createHttpServer(listener)
  createSecureServer({}, listener)
  const response: Response = await signaling.fetch(new Request('http://a/'), { remoteAddress: '203.0.113.7' })
  const byToken = jwtAuthorize({ jwksUrl: 'https://login.example/keys', audience: ['a', 'b'] })
  const minted: Authorize = async (request, context) => {
    const grant = await byToken(request, context)
    return grant === false || grant === 'forbidden'
      ? grant
      : { ...grant, iceServers: [turnCredentials({ secret: 'a', urls: ['turn:a'] })], limits: { expiresInMs: 1_000 } }
  }
  server.signaling({ authorize: minted, trustProxy: ['loopback'], publicUrl: 'https://a.example', whep: false })
  const webhooks = server.webhooks({ url: 'https://a.example', secret: 's', events: ['peer.removed'] })
  void [response.status, webhooks.counters.delivered]

  const report = await push.getStats()
  const received = [...report.values()].flatMap((entry) =>
    entry.type === 'inbound-rtp' ? [entry.packetsReceived] : [],
  )
  const exhaustive = (entry: PeerStats): string => entry.id
  void [received, exhaustive, (await server.held()).timers]
  const code: XrtcErrorCode = new InvalidStateError('XRTC_INVALID_STATE', 'no').code
  void (code satisfies string)
  void ((error: unknown) => error instanceof XrtcError && error.details['line'])
}

export async function doesNotCompile(server: MediaServer, peer: PushPeer, stream: Stream): Promise<void> {
  // @ts-expect-error an option that does not exist
  await createServer({ port: 1 })
  // @ts-expect-error a port is a number
  await createServer({ udp: { port: '1' } })
  // @ts-expect-error a stream has a name
  await server.push()
  // @ts-expect-error viewers have no identity
  await server.pull('lobby', { identity: 'ann' })
  // @ts-expect-error what is sent elsewhere replaces nobody here
  server.pushTo('lobby', 'https://ingest.example/whip', { replace: true })
  // @ts-expect-error a token is a text, or a function that gives one
  server.pullFrom('https://origin.example/whep', 'lobby', { token: 1 })
  // @ts-expect-error either push or pull
  server.peer({})
  // @ts-expect-error there is no such event
  server.on('stream', () => undefined)
  // @ts-expect-error the event has no such member
  server.on('streamadded', ({ peer }) => peer)
  // @ts-expect-error properties are snapshots
  peer.connectionState = 'closed'
  // @ts-expect-error lists are read only
  stream.viewers.push(peer)
  // @ts-expect-error an answer is no offer
  await peer.setRemoteDescription({ type: 'pranswer', sdp: '' })
  // @ts-expect-error objects come from methods
  void new (await import('xrtc')).MediaServer()
  // @ts-expect-error there is no such code
  void new XrtcError('XRTC_ANYTHING', 'no')
  // @ts-expect-error a gate decides about requests
  server.signaling({ authorize: 'secret' })
  // @ts-expect-error a gate gives no text but forbidden
  server.signaling({ authorize: () => 'allowed' })
  // @ts-expect-error a grant has no such member
  server.signaling({ authorize: () => ({ user: 'ann' }) })
  // @ts-expect-error webhooks are signed
  server.webhooks({ url: 'https://a.example' })
  // @ts-expect-error there is no such event
  server.webhooks({ url: 'https://a.example', secret: 's', events: ['stream.gone'] })
  // @ts-expect-error an entry may be of another type
  void [...(await peer.getStats()).values()][0]?.packetsReceived
}
