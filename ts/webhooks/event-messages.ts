// Which events of a server become messages, and what those say.

import type { MediaServer, Peer, Stream, WebhookEvent, WebhookPeer, WebhookStream } from '../../index.d.ts'

/** Takes an event; `lane` is the name of its stream, whose events stay in order. */
export type EventSink = (lane: string, event: WebhookEvent) => void

/** Tells the sink of everything that happens from now on. The result ends that. */
export function watch(server: MediaServer, sink: EventSink): () => void {
  let ended = false
  const tell: EventSink = (lane, event) => {
    if (!ended) sink(lane, event)
  }
  const onStream = ({ stream }: { readonly stream: Stream }): void => {
    tell(stream.name, { type: 'stream.added', data: describeStream(stream) })
    watchStream(stream, tell)
  }
  const onPeer = ({ peer }: { readonly peer: Peer }): void => {
    tell(peer.streamName, { type: 'peer.added', data: describePeer(peer) })
    watchPeer(peer, tell)
  }
  const onStreamRemoved = ({ stream, reason }: { readonly stream: Stream; readonly reason: string }): void =>
    tell(stream.name, { type: 'stream.removed', data: { ...describeStream(stream), reason } })
  for (const stream of server.streams()) watchStream(stream, tell)
  for (const peer of server.peers()) watchPeer(peer, tell)
  server.on('streamadded', onStream).on('streamremoved', onStreamRemoved).on('peeradded', onPeer)
  return () => {
    ended = true
    server.off('streamadded', onStream).off('streamremoved', onStreamRemoved).off('peeradded', onPeer)
  }
}

// A change of tracks or of the publisher is none of the state.
function watchStream(stream: Stream, tell: EventSink): void {
  let before = stream.state
  stream.on('change', ({ state }) => {
    if (state === before) return
    before = state
    if (state === 'connecting') return
    tell(stream.name, { type: state === 'live' ? 'stream.live' : 'stream.waiting', data: describeStream(stream) })
  })
}

function watchPeer(peer: Peer, tell: EventSink): void {
  let connected = peer.connectionState === 'connected'
  peer.on('connectionstatechange', ({ connectionState }) => {
    if (connected || connectionState !== 'connected') return
    connected = true
    tell(peer.streamName, { type: 'peer.connected', data: describePeer(peer) })
  })
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
