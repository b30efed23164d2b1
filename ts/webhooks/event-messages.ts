// Which events of a server become messages, and what those say.

import type { MediaServer, Peer, Stream, StreamState, WebhookEvent, WebhookPeer, WebhookStream } from '../../index.d.ts'

/** Takes an event; `lane` is the name of its stream, whose events stay in order. */
export type EventSink = (lane: string, event: WebhookEvent) => void

/**
 * Tells the sink of these events from now on. The result ends that. It listens to nothing that they do not need: a listener
 * makes objects of peers that came by HTTP.
 */
export function watch(server: MediaServer, events: ReadonlySet<WebhookEvent['type']>, sink: EventSink): () => void {
  let ended = false
  const tell: EventSink = (lane, event) => {
    if (!ended && events.has(event.type)) sink(lane, event)
  }
  const wants = (...types: readonly WebhookEvent['type'][]): boolean => types.some((type) => events.has(type))
  const [watchesStates, watchesConnections] = [wants('stream.live', 'stream.waiting'), wants('peer.connected')]
  const onStream = ({ stream }: { readonly stream: Stream }): void => {
    if (wants('stream.added')) tell(stream.name, { type: 'stream.added', data: describeStream(stream) })
    if (watchesStates) watchState(stream, 'connecting', tell)
  }
  const onPeer = ({ peer }: { readonly peer: Peer }): void => {
    tell(peer.streamName, { type: 'peer.added', data: describePeer(peer) })
    if (watchesConnections) watchConnection(peer, tell)
  }
  const onStreamRemoved = ({ stream, reason }: { readonly stream: Stream; readonly reason: string }): void =>
    tell(stream.name, { type: 'stream.removed', data: { ...describeStream(stream), reason } })
  const onPeerRemoved = ({ peer }: { readonly peer: Peer }): void => watchEnd(peer, tell)
  if (watchesStates) for (const stream of server.streams()) watchState(stream, stream.state, tell)
  if (watchesConnections) for (const peer of server.peers()) watchConnection(peer, tell)
  if (watchesStates || wants('stream.added')) server.on('streamadded', onStream)
  if (wants('stream.removed')) server.on('streamremoved', onStreamRemoved)
  if (watchesConnections || wants('peer.added')) server.on('peeradded', onPeer)
  if (wants('peer.removed')) server.on('peerremoved', onPeerRemoved)
  return () => {
    ended = true
    server.off('streamadded', onStream).off('streamremoved', onStreamRemoved)
    server.off('peeradded', onPeer).off('peerremoved', onPeerRemoved)
  }
}

// A change of tracks or of the publisher is none of the state. A new stream may be further on when it is told of.
function watchState(stream: Stream, known: StreamState, tell: EventSink): void {
  let before = known
  const look = (): void => {
    const { state } = stream
    if (state === before) return
    before = state
    if (state === 'connecting') return
    tell(stream.name, { type: state === 'live' ? 'stream.live' : 'stream.waiting', data: describeStream(stream) })
  }
  stream.on('change', look)
  look()
}

function watchConnection(peer: Peer, tell: EventSink): void {
  let connected = peer.connectionState === 'connected'
  peer.on('connectionstatechange', ({ connectionState }) => {
    if (connected || connectionState !== 'connected') return
    connected = true
    tell(peer.streamName, { type: 'peer.connected', data: describePeer(peer) })
  })
}

// `closed` comes right after `peerremoved`, and has the detail.
function watchEnd(peer: Peer, tell: EventSink): void {
  peer.once('closed', ({ reason, detail }) =>
    tell(peer.streamName, { type: 'peer.removed', data: { ...describePeer(peer), reason, detail } }),
  )
}

function describeStream(stream: Stream): WebhookStream {
  const { name, state, createdAt, publisher, viewerCount } = stream
  return {
    stream: name,
    state,
    createdAt: createdAt.toISOString(),
    viewers: viewerCount,
    ...(publisher === undefined ? {} : { publisher: describePeer(publisher) }),
  }
}

function describePeer(peer: Peer): WebhookPeer {
  const identity = 'identity' in peer && typeof peer.identity === 'string' ? { identity: peer.identity } : {}
  return { stream: peer.streamName, peer: peer.id, action: peer.action, ...identity }
}
