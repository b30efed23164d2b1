/**
 * xrtc: a WebRTC media server that lives inside a Node.js app.
 *
 * This file is the whole public contract. It is written by hand; the compiler checks the implementation against it.
 * Times in names ending in `Ms` are milliseconds, rates in names ending in `Bps` are bits per second. Statistics keep
 * the names and units of the W3C's `RTCStats` (seconds, bytes) where one exists.
 */

import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Server as NetServer } from 'node:net'

/** The version of the package, as in package.json. */
export declare const version: string

/**
 * Starts a media server: its worker threads and their UDP sockets.
 *
 * @throws {InvalidArgumentError} An option has the wrong type or is out of range.
 * @throws {NetworkError} A UDP port is taken (`XRTC_ADDRESS_IN_USE`) or cannot be bound.
 * @example
 * const server = await createServer({ udp: { port: 8800 } })
 * const push = await server.push('lobby', { offer })
 */
export declare function createServer(options?: ServerOptions): Promise<MediaServer>

// ─── Server ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What `createServer` accepts. Every field is optional. */
export interface ServerOptions {
  /** The media sockets. */
  readonly udp?: UdpOptions
  /**
   * Where peers connect whose networks let no UDP through (ICE-TCP), at the addresses of UDP; `false`: nowhere. Offered
   * after UDP, so that whoever can use that does.
   */
  readonly tcp?: TcpOptions | false
  /**
   * Addresses to offer to peers instead of the ones of this machine's network interfaces, best first: an IP address or
   * a host name (resolved once, all its addresses), each with an optional `:port` (IPv6 then in brackets) that replaces
   * the UDP port (with a port for each worker, the first worker's; further workers count up from it) and the TCP port.
   */
  readonly announce?: readonly string[]
  /** Worker threads. Default: the number of CPU cores; 1 to 64. */
  readonly workers?: number
  /** Which part of ICE the server does for its peers, unless they say otherwise. Default `'lite'`. */
  readonly ice?: IceMode
  /**
   * STUN and TURN servers, as in the browser, that peers with full ICE ask for addresses unless they have some of their
   * own: those of `pullFrom` and `pushTo`, and all with `ice: 'full'`. STUN servers have 700 ms to say how a peer looks
   * from outside, TURN servers 3 s to give it an address (10 s with `iceTransportPolicy: 'relay'`); the offer or answer
   * waits meanwhile. Names are resolved once. Only UDP is spoken with them: of the `urls` of one server those over UDP
   * are used, and one has to be there. At most 16, and four TURN servers of them. Default: none.
   */
  readonly iceServers?: readonly IceServer[]
  /**
   * Whether such peers may use all their addresses, or relayed ones only, which TURN servers give: then nobody learns
   * another one. Default `'all'`.
   */
  readonly iceTransportPolicy?: IceTransportPolicy
  /**
   * A STUN and TURN server beside the media workers, for clients whose network lets nothing else through: UDP and TCP on
   * one port, TLS on another. The signaling tells clients of it by itself. Default: none.
   */
  readonly turn?: TurnOptions
  /** How long viewers wait for the next publisher of their stream. Default 30,000; 0 to 3,600,000. */
  readonly publisherGraceMs?: number
  /**
   * How long a peer may be silent (no authenticated check) until it is closed. Default 30,000; 1,000 to 600,000. Browsers
   * show themselves every 2.5 s: below 10,000 losses end healthy ones.
   */
  readonly consentTimeoutMs?: number
  /**
   * How long a peer may take to connect once both descriptions are known; and before that, with full ICE, at most for its
   * ICE servers. Default 30,000; 1,000 to 600,000.
   */
  readonly connectTimeoutMs?: number
  /** How long an offer of the server waits for its answer. Default 30,000; 1,000 to 600,000. */
  readonly answerTimeoutMs?: number
  /** The rate that publishers are told not to exceed (by REMB), from 10,000. Default: none is told. */
  readonly maxIngestBitrateBps?: number
  /**
   * The certificate that peers are shown in DTLS and by its fingerprint. It needs no issuer that anybody trusts. Default:
   * one on P-256 that is made at the start and lives as long as the server.
   */
  readonly dtlsCertificate?: DtlsCertificate
  /**
   * The DTLS versions that are spoken. Default `'1.2'`: there the server chooses the SRTP profile, and so AES-GCM.
   * `'auto'` also speaks 1.3 with peers that can; there the peer chooses, and Chromium chooses a slower profile.
   */
  readonly dtlsVersion?: '1.2' | 'auto'
  /** What peers can make grow. What goes beyond is refused with `XRTC_LIMIT_REACHED`. */
  readonly limits?: ServerLimits
  /** Receives what the server has to say. Default: silence. A pino logger fits. */
  readonly logger?: Logger
}

/** The embedded STUN and TURN server. Every field is optional: `{}` is a server on port 3478. */
export interface TurnOptions {
  /** The port for UDP and TCP, on the addresses of `udp.host`. Default 3478; 0 takes a free one. */
  readonly port?: number
  /** TLS besides, with a certificate of its own. Default: none. */
  readonly tls?: TurnTlsOptions
  /**
   * The name or IP address that clients are told. With TLS it has to be a name of the certificate. Default: the first of
   * `announce`, or this machine's first address.
   */
  readonly host?: string
  /**
   * What credentials are made with; another process that has it can mint some by `turnCredentials`. Default: a random one
   * for each start.
   */
  readonly secret?: string
  /** How long credentials are good to allocate with; an allocation in use goes on. Default 86,400; 1 to 31,536,000. */
  readonly ttlSeconds?: number
  /** 1 to 24 printable ASCII characters. Default `xrtc`. */
  readonly realm?: string
  /** The first and the last port of relayed addresses. Default `[49152, 65535]`. */
  readonly relayPorts?: readonly [number, number]
  /**
   * Ranges of peer addresses, as `ADDRESS/BITS`, that clients may reach besides the public ones and this server's own
   * media ports. Default: none, so no private, loopback, link-local, multicast or otherwise special address in any
   * notation, and none of this machine's other ports.
   */
  readonly allowedPeers?: readonly string[]
  /** What clients can make grow. What goes beyond is refused or dropped, and counted. */
  readonly limits?: TurnLimits
}

/**
 * A certificate for TURN over TLS and its private key, both as PEM: what is in the files, not their names. Clients look at
 * its names, dates and issuer.
 */
export interface TurnCertificate {
  /** The certificate, and behind it those that lead to an issuer that clients trust. It must be valid now. */
  readonly cert: string | Uint8Array
  /** Its private key: RSA, ECDSA or Ed25519, without a passphrase. */
  readonly key: string | Uint8Array
}

/** TLS of the TURN server. */
export interface TurnTlsOptions extends TurnCertificate {
  /** Default 5349; 0 takes a free one. */
  readonly port?: number
}

/** Limits of the TURN server. */
export interface TurnLimits {
  /** Allocations in all. Default 2,000; 1 to 1,000,000. */
  readonly allocations?: number
  /**
   * Allocations with the same credentials. Default 32, since a browser makes one for each of its interfaces and URLs; 1 to
   * 1,000,000.
   */
  readonly allocationsPerUser?: number
  /** Allocations from one address. Default 500; 1 to 1,000,000. */
  readonly allocationsPerAddress?: number
  /** Peer addresses that an allocation may have permissions for. Default 32; 1 to 1,000. */
  readonly permissions?: number
  /** Channels of an allocation. Default 32; 1 to 1,000. */
  readonly channels?: number
  /** TCP and TLS connections in all. Default 2,000; 1 to 1,000,000. */
  readonly connections?: number
  /** Connections from one address. Default 500; 1 to 1,000,000. */
  readonly connectionsPerAddress?: number
  /** What an allocation passes in each direction. Default 20,000,000; 10,000 to 10,000,000,000. */
  readonly bitrateBps?: number
  /** How long an allocation may live without a refresh. Default 3,600; 60 to 86,400. */
  readonly lifetimeSeconds?: number
  /**
   * Bytes per second that all senders without credentials in one /24 (IPv6: /64) get as answers, and four times as many
   * at once. Default 16,384; 1,000 to 1,000,000,000.
   */
  readonly unauthenticatedBytesPerSecond?: number
}

/**
 * Which part of ICE the server does. `'lite'`: it answers checks on its own ports, which every remote peer must be able
 * to reach. `'full'`: it sends checks too, from sockets that the peer has alone, on free ports; needed where the remote
 * peer is lite itself (another media server) or must be reached from here.
 */
export type IceMode = 'lite' | 'full'

/** Which addresses a peer may use, as in the browser: all it has, or those on TURN servers only. */
export type IceTransportPolicy = 'all' | 'relay'

/** A certificate and its private key, both as PEM: what is in the files, not their names. */
export interface DtlsCertificate {
  /** The certificate; only the first one of a chain is used. */
  readonly cert: string | Uint8Array
  /** Its key: ECDSA on P-256 or P-384, PKCS #8 or SEC 1, without a passphrase. */
  readonly key: string | Uint8Array
}

/** Where the workers listen for media. */
export interface UdpOptions {
  /** The one port of all workers. Default 0: any free port. */
  readonly port?: number
  /**
   * Whether each worker has a port of its own: `port` the first one, each further worker the next. For middleboxes that
   * spread ports rather than addresses over queues. Default `false`; outside of Linux it is always so.
   */
  readonly portPerWorker?: boolean
  /** The local IP address to bind, or one of each family. Default: all addresses, IPv4 and IPv6. */
  readonly host?: string | readonly string[]
  /**
   * The interfaces whose addresses are offered, by name, where the server listens at all addresses: `eth0`, `eth*` for all
   * that begin so, `!docker*` for all others. Refused beside a `host` that is one address, and on Windows. Default: all.
   */
  readonly interfaces?: readonly string[]
}

/** The one port of all workers for TCP connections. */
export interface TcpOptions {
  /**
   * Default: the number of the (first) UDP port; where `udp.port` is 0, another free port if that number is taken. 0: any
   * free port.
   */
  readonly port?: number
  /**
   * A server of node:http, node:https, node:http2 or node:net whose port is also the one for media: connections that begin
   * with a frame of ICE (inside of no TLS) go on to the workers, and all others are the server's as before, until the
   * media server is closed. It listens already, or will at `port`. Its listeners of `connection` are those that it has now.
   * Not on Windows.
   */
  readonly server?: NetServer
}

/** Limits of each worker. */
export interface ServerLimits {
  /** Peers. Default 10,000. */
  readonly peers?: number
  /** Offers of the server whose answer has not come. Default 1,000. */
  readonly pendingOffers?: number
  /** Streams that have their home on the worker. Default 2,000. */
  readonly streams?: number
  /** Viewers of one stream. Default 10,000. */
  readonly viewersPerStream?: number
}

/**
 * A logger: the four calls of pino that xrtc makes. What they throw harms nothing; the server tells `listenererror` of
 * the first time.
 */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Events of a `MediaServer`. */
export interface MediaServerEvents {
  /** A stream appeared: its first publisher, `stream.publisher`, was accepted. */
  streamadded: [event: { readonly stream: Stream }]
  /** A stream is over: no publisher came back in time, or it was closed. */
  streamremoved: [event: { readonly stream: Stream; readonly reason: string }]
  /** A peer was accepted. */
  peeradded: [event: { readonly peer: Peer }]
  /** A peer is over. */
  peerremoved: [event: { readonly peer: Peer; readonly reason: string }]
  /** A worker thread failed and was started again; its peers were closed with the reason `internalError`. */
  workerrestart: [event: { readonly worker: number; readonly message: string }]
  /**
   * A listener of one of this server's objects, its `authorize` (`event` is `'request'`) or its logger (`'log'`, once)
   * threw, or `authorize` did not settle in time. Never an exception for the thrower.
   */
  listenererror: [event: { readonly error: unknown; readonly event: string }]
  /** The server is closed. */
  closed: [event: { readonly reason: string }]
}

/**
 * The whole: workers, streams, limits. Made by `createServer`.
 *
 * It keeps the process alive until it is closed or `unref` is called.
 */
export interface MediaServer extends EventEmitter<MediaServerEvents>, AsyncDisposable {
  /** Whether `close` was called. */
  readonly closed: boolean
  /** The workers and where they can be reached. */
  readonly workers: readonly WorkerInfo[]
  /** Where peers without UDP connect. */
  readonly tcp: TcpInfo
  /** Where the TURN server can be reached; `undefined` without one. */
  readonly turn: TurnInfo | undefined
  /**
   * Accepts a publisher's offer, or makes the server's own offer where none is given.
   *
   * @throws {NegotiationError} The offer is not SDP (`XRTC_INVALID_DESCRIPTION`) or cannot be accepted.
   * @throws {StreamError} Another publisher has the stream (`XRTC_STREAM_IN_USE`).
   */
  push(streamName: string, options?: PushOptions): Promise<PushPeer>
  /**
   * Answers a viewer's offer, or makes the server's own offer where none is given.
   *
   * @throws {NegotiationError} The offer is not SDP, cannot be accepted, or has no codec of the stream.
   * @throws {StreamError} Nobody pushes the stream (`XRTC_UNKNOWN_STREAM`, `XRTC_STREAM_NOT_LIVE`).
   */
  pull(streamName: string, options?: PullOptions): Promise<PullPeer>
  /**
   * A publisher that has not negotiated yet, for signaling of your own. Nothing is allocated for it until
   * `setRemoteDescription` or `createOffer` is called.
   */
  peer(options: { readonly push: string } & Omit<PushOptions, 'offer'>): PushPeer
  /** A viewer that has not negotiated yet, for signaling of your own. */
  peer(options: { readonly pull: string } & Omit<PullOptions, 'offer'>): PullPeer
  /**
   * Publishes here what another server sends at this WHEP URL, and keeps doing so: after any loss it connects again.
   * Viewers of the stream keep their picture over it, as over any change of the publisher.
   *
   * @throws {InvalidArgumentError} The URL is not one of http or https, or an option is wrong.
   * @example
   * const remote = server.pullFrom('https://media.example/whep/lobby', 'lobby', { token: 'secret' })
   * remote.on('statechange', ({ state, reason }) => console.log(state, reason))
   */
  pullFrom(url: string | URL, streamName: string, options?: PullFromOptions): RemoteStream
  /**
   * Sends a stream to another server's WHIP URL, as long as it is live here, and keeps doing so: after any loss it
   * connects again.
   *
   * @throws {InvalidArgumentError} The URL is not one of http or https, or an option is wrong.
   */
  pushTo(streamName: string, url: string | URL, options?: PushToOptions): RemoteStream
  /**
   * Shows another certificate to peers that are opened from now on. Those that are there keep theirs, also when they
   * negotiate again.
   *
   * @throws {InvalidArgumentError} It cannot be read, has expired, or the key is not its own; nothing has changed.
   */
  replaceDtlsCertificate(certificate: DtlsCertificate): void
  /**
   * Shows another certificate to clients that connect to TURN over TLS (`turn.tls`) from now on. Those that are there
   * stay.
   *
   * @throws {InvalidArgumentError} It cannot be read, is not valid now, or the key is not its own; nothing has changed.
   * @throws {InvalidStateError} The server has no TURN over TLS.
   */
  replaceTurnCertificate(certificate: TurnCertificate): void
  /** Every remote stream of now. */
  remoteStreams(): readonly RemoteStream[]
  /** The stream of that name, if there is one now. */
  stream(streamName: string): Stream | undefined
  /** All streams of now, in no particular order. */
  streams(): readonly Stream[]
  /** Every peer of now. */
  peers(): readonly Peer[]
  /** HTTP signaling: WHIP, WHEP and, if asked for, the XRTC routes and the pages. Each call makes an independent one. */
  signaling(options?: SignalingOptions): Signaling
  /**
   * What one client needs to use the TURN server, with credentials of its own: for signaling that is not `signaling()`,
   * which tells its clients by itself. Empty without a TURN server.
   *
   * @throws {InvalidArgumentError} An option has the wrong type or is out of range.
   */
  iceServers(options?: IceServersOptions): readonly IceServer[]
  /** Sends the server's events to a URL, signed. Each call makes independent ones. */
  webhooks(options: WebhooksOptions): Webhooks
  /** A snapshot of the server's counters. */
  getStats(): Promise<ServerStats>
  /** Counts everything that the server holds for its peers and streams. A server without any holds only sockets. */
  held(): Promise<Held>
  /** Lets the process end although the server runs. */
  unref(): this
  /** Keeps the process alive while the server runs, which is the default. */
  ref(): this
  /**
   * Ends all peers, threads and sockets. Every later command fails with `ClosedError`. Calling it again returns the
   * same promise.
   */
  close(): Promise<void>
}

/** What `iceServers` accepts. */
export interface IceServersOptions {
  /** Who they are for. Default: nobody in particular. */
  readonly identity?: string
  /** How long they are good. Default: as `turn.ttlSeconds` says. */
  readonly ttlSeconds?: number
}

/** Where the TURN server can be reached. */
export interface TurnInfo {
  /** The addresses for UDP and TCP. */
  readonly bound: readonly MediaAddress[]
  /** Those for TLS. */
  readonly tls: readonly MediaAddress[]
  /** What clients are told. */
  readonly urls: readonly string[]
}

/** Where a worker can be reached: all at the same addresses, unless each has a port of its own. */
export interface WorkerInfo {
  /** The addresses that its sockets are bound to. */
  readonly bound: readonly MediaAddress[]
  /** The addresses that its descriptions offer, best first. */
  readonly candidates: readonly MediaAddress[]
}

/** Where TCP connections are taken: nowhere if they are not. */
export interface TcpInfo {
  /** The addresses that are listened at. */
  readonly bound: readonly MediaAddress[]
  /** The addresses that descriptions offer, best first. */
  readonly candidates: readonly MediaAddress[]
}

/** An address for media. */
export interface MediaAddress {
  readonly address: string
  readonly port: number
}

/** Options of `server.push`. */
export interface PushOptions {
  /** The publisher's SDP offer. Without it the server makes the offer. */
  readonly offer?: string
  /**
   * Who publishes. A publisher that comes back with the same identity replaces its own earlier one at once; without
   * one only a publisher that has been silent for over two seconds is replaced.
   */
  readonly identity?: string
  /** Replaces a live publisher whoever it is. Default `false`. */
  readonly replace?: boolean
  /** What the server's own offer asks for. Default: both. */
  readonly media?: MediaKinds
  /** Which part of ICE the server does for this peer. Default: the server's `ice`. */
  readonly ice?: IceMode
  /** Whom this peer asks for addresses, with `ice: 'full'`. Default: the server's `iceServers`. */
  readonly iceServers?: readonly IceServer[]
  /** Which addresses this peer may use, with `ice: 'full'`. Default: the server's `iceTransportPolicy`. */
  readonly iceTransportPolicy?: IceTransportPolicy
  /**
   * How long ICE servers may take with this peer's addresses, with `ice: 'full'`; it goes on with those that are there then.
   * Default: as `iceServers` of the server says, and no longer than its `connectTimeoutMs`; 1 to 600,000.
   */
  readonly gatherTimeoutMs?: number
}

/** Which kinds of media an offer of the server has. */
export interface MediaKinds {
  /** Default `true`. */
  readonly audio?: boolean
  /** Default `true`. */
  readonly video?: boolean
}

/** Options of `server.pull`. */
export interface PullOptions {
  /** The viewer's SDP offer. Without it the server makes the offer. */
  readonly offer?: string
  /** What the server's own offer has. Default: both. */
  readonly media?: MediaKinds
  /** Which part of ICE the server does for this peer. Default: the server's `ice`. */
  readonly ice?: IceMode
  /** Whom this peer asks for addresses, with `ice: 'full'`. Default: the server's `iceServers`. */
  readonly iceServers?: readonly IceServer[]
  /** Which addresses this peer may use, with `ice: 'full'`. Default: the server's `iceTransportPolicy`. */
  readonly iceTransportPolicy?: IceTransportPolicy
  /**
   * How long ICE servers may take with this peer's addresses, with `ice: 'full'`; it goes on with those that are there then.
   * Default: as `iceServers` of the server says, and no longer than its `connectTimeoutMs`; 1 to 600,000.
   */
  readonly gatherTimeoutMs?: number
}

// ─── Stream ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Events of a `Stream`. */
export interface StreamEvents {
  /** Its `state`, `publisher` or `tracks` changed. */
  change: [event: { readonly state: StreamState; readonly publisher: PushPeer | undefined }]
  /** The stream is over. Reasons: as of a peer, and `publisherGone`. */
  closed: [event: { readonly reason: string }]
}

/**
 * What a stream does: a publisher is there but no packet of it yet, packets have come, or the publisher is gone and
 * viewers wait for the next one.
 */
export type StreamState = 'connecting' | 'live' | 'waiting'

/** A named live stream: at most one publisher at a time and any number of viewers. It outlives its publisher a while. */
export interface Stream extends EventEmitter<StreamEvents>, AsyncDisposable {
  /** Its name: 1 to 256 bytes of UTF-8, in segments divided by `/`. */
  readonly name: string
  readonly state: StreamState
  /** Whether `state` is `live`. */
  readonly live: boolean
  /** Whether it is over. */
  readonly closed: boolean
  /** When it appeared. */
  readonly createdAt: Date
  /** What its publisher sends. Empty while there is none. */
  readonly tracks: readonly TrackInfo[]
  /** Its publisher of now. */
  readonly publisher: PushPeer | undefined
  /** Its viewers of now. */
  readonly viewers: readonly PullPeer[]
  /** How many viewers it has now. Cheaper than to look at `viewers`, which makes an object of each. */
  readonly viewerCount: number
  /** Its publisher and viewers of now. */
  peers(): readonly Peer[]
  /** Ends it and all its peers, with that reason. Calling it again returns the same promise. */
  close(reason?: string): Promise<void>
}

/** One track of a stream's publisher. */
export interface TrackInfo {
  /** The publisher's `a=mid`. */
  readonly mid: string
  readonly kind: 'audio' | 'video'
  /** The codec's name in SDP, such as `opus` or `VP8`; the preferred one until a packet came. */
  readonly codec: string
  /** Whether packets have come. */
  readonly live: boolean
  /** Its simulcast encodings; a single one without a `rid` where there is no simulcast. */
  readonly layers: readonly LayerInfo[]
}

/** One simulcast encoding of a track. */
export interface LayerInfo {
  /** The `a=rid`; empty without simulcast. */
  readonly rid: string
  /** Whether packets came lately. */
  readonly live: boolean
  /** Pixels; 0 while unknown, and for audio. */
  readonly width: number
  readonly height: number
}

// ─── Peers ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A session description, as in the browser. */
export interface SessionDescription {
  readonly type: 'offer' | 'answer'
  readonly sdp: string
}

/** Drops a pending offer, as in the browser. */
export interface RollbackDescription {
  readonly type: 'rollback'
}

/** A candidate of the remote side, as in the browser. */
export interface IceCandidateInit {
  /** The `candidate:` line. Empty: no more candidates. */
  readonly candidate?: string
  readonly sdpMid?: string | null
  readonly sdpMLineIndex?: number | null
  readonly usernameFragment?: string | null
}

/** As in the browser. */
export type PeerConnectionState = 'new' | 'connecting' | 'connected' | 'disconnected' | 'failed' | 'closed'
/** As in the browser. */
export type PeerIceConnectionState = 'new' | 'checking' | 'connected' | 'disconnected' | 'failed' | 'closed'
/** As in the browser's `RTCDtlsTransportState`. */
export type PeerDtlsState = 'new' | 'connecting' | 'connected' | 'failed' | 'closed'
/** As in the browser. */
export type PeerSignalingState = 'stable' | 'have-local-offer' | 'have-remote-offer' | 'closed'

/** Events of a peer. */
export interface PeerEvents {
  /** `connectionState` changed. */
  connectionstatechange: [event: { readonly connectionState: PeerConnectionState }]
  /** `iceConnectionState` changed. */
  iceconnectionstatechange: [event: { readonly iceConnectionState: PeerIceConnectionState }]
  /** `signalingState` changed. */
  signalingstatechange: [event: { readonly signalingState: PeerSignalingState }]
  /**
   * A TURN server gave this peer (with `ice: 'full'`) no address, or has taken it away; as
   * `RTCPeerConnectionIceErrorEvent`. Not before `peeradded`, unless the peer is refused. `errorCode` is that of the
   * server's answer, such as 401 for wrong credentials and 486 for a reached quota, and 701 without one.
   */
  icecandidateerror: [event: { readonly url: string; readonly errorCode: number; readonly errorText: string }]
  /**
   * The peer is over. `reason` is a stable word: `closed` (by `close`), `expired` (the time that `authorize` gave is
   * over), `peerClosed`, `iceTimeout`, `dtlsFailed`, `fingerprintMismatch`, `answerTimeout`, `publisherReplaced`,
   * `publisherGone`, `incompatibleCodec`, `streamClosed`, `serverClosed`, `overload`, `internalError`. `detail` says more
   * where there is more: what was given to `close`, or why DTLS failed.
   */
  closed: [event: { readonly reason: string; readonly detail: string }]
}

/** One remote WebRTC peer. Its properties are snapshots that follow the native side's events. */
export interface Peer extends EventEmitter<PeerEvents>, AsyncDisposable {
  /** Unique within the server. Not a secret. */
  readonly id: string
  /** Which way its media goes, seen from the remote side. */
  readonly action: 'push' | 'pull'
  /** The name of its stream. */
  readonly streamName: string
  /** Transport and DTLS together. */
  readonly connectionState: PeerConnectionState
  /** The DTLS transport alone. */
  readonly dtlsState: PeerDtlsState
  readonly iceConnectionState: PeerIceConnectionState
  readonly signalingState: PeerSignalingState
  /** The server's description: the answer, or its own offer. */
  readonly localDescription: SessionDescription | null
  /** The remote side's description. */
  readonly remoteDescription: SessionDescription | null
  /** Whether it is over. */
  readonly closed: boolean
  /** Why it is over, as in the event `closed`. */
  readonly closeReason: string | undefined
  /** Names its ICE session: another text after each ICE restart, fit for an entity tag. Undefined before negotiation. */
  readonly iceSession: string | undefined
  /**
   * Makes the server's offer. Once the first negotiation is over it is an offer of the same session again: under new
   * ICE credentials after `restartIce`, and to a viewer with the media of `setMedia`.
   *
   * @throws {InvalidStateError} There is an offer already.
   */
  createOffer(): Promise<SessionDescription>
  /**
   * Gives the answer to the offer that was set.
   *
   * @throws {InvalidStateError} No offer was set.
   */
  createAnswer(): Promise<SessionDescription>
  /**
   * Takes what `createOffer` or `createAnswer` gave; other text is refused. Without an argument: the one that fits.
   * `{ type: 'rollback' }` drops the server's offer. The answer to a later offer holds from here on.
   */
  setLocalDescription(description?: SessionDescription | RollbackDescription): Promise<void>
  /**
   * Takes the remote side's offer or answer; `{ type: 'rollback' }` drops its offer. An offer while one of the server
   * is pending drops that one. A later offer of a viewer may add and remove audio and video and restart ICE, one of a
   * publisher may restart ICE.
   *
   * @throws {NegotiationError} It is not SDP or cannot be accepted.
   * @throws {InvalidStateError} It does not fit `signalingState`.
   */
  setRemoteDescription(description: SessionDescription | RollbackDescription): Promise<void>
  /** Lets the next `createOffer` restart ICE. */
  restartIce(): void
  /**
   * Adds a candidate of the remote side. What cannot be used (TCP, names) is left out silently; `null` or one without
   * `candidate`: no more.
   *
   * @throws {InvalidArgumentError} It is no object, or its `candidate` is no string.
   */
  addIceCandidate(candidate?: IceCandidateInit | null): Promise<void>
  /**
   * Takes an RFC 8840 fragment, as WHIP and WHEP send it in a PATCH. Changed credentials are an ICE restart, whose
   * reply is returned; plain candidates return `undefined`.
   *
   * @throws {NegotiationError} The fragment is malformed (`XRTC_INVALID_FRAGMENT`).
   */
  addIceFragment(fragment: string): Promise<string | undefined>
  /** A snapshot of its statistics, by `id`, as an `RTCStatsReport`. */
  getStats(): Promise<PeerStatsReport>
  /** Ends it, telling the remote side. Calling it again returns the same promise. */
  close(reason?: string): Promise<void>
}

/** A publisher: it sends one stream's media to the server. */
export interface PushPeer extends Peer {
  readonly action: 'push'
  /** Who publishes, if that was given. */
  readonly identity: string | undefined
}

/** A viewer: it receives one stream's media from the server. */
export interface PullPeer extends Peer {
  readonly action: 'pull'
  /** What the server's next offer has. What it leaves out is no longer sent once the answer is there. */
  setMedia(media: MediaKinds): void
  /**
   * Which simulcast layer its pictures are of, from that layer's next key frame on, which is asked for. Without an
   * argument, as in the beginning: the best one that is alive.
   *
   * @throws {InvalidArgumentError} The publisher has no layer with that `rid`.
   * @throws {InvalidStateError} It is not connected yet.
   */
  setLayer(wish?: LayerWish): Promise<void>
}

/** Which simulcast layer a viewer wants. While none fulfils the wish it gets the best one. */
export interface LayerWish {
  /** The layer with that `a=rid` as long as it is alive, whatever its size. */
  readonly rid?: string
  /** The largest picture up to that many pixels across; if all are larger, the smallest. 1 to 65,535. */
  readonly maxWidth?: number
  /** The same in pixels down. */
  readonly maxHeight?: number
}

// ─── Other servers ───────────────────────────────────────────────────────────────────────────────────────────────────

/** What `pullFrom` and `pushTo` have in common. Every field is optional. */
export interface RemoteStreamOptions {
  /**
   * The bearer token, or a function that gives one; it is asked before every request, so that a token may expire. It goes
   * to the URL's own origin and to `trustedOrigins` only, wherever redirects and session URLs lead.
   */
  readonly token?: string | (() => string | undefined | Promise<string | undefined>)
  /** Further headers of every request, with the same limits as the token. */
  readonly headers?: Readonly<Record<string, string>>
  /** Other origins that may see token and headers, such as `https://edge.example`. */
  readonly trustedOrigins?: readonly string[]
  /** Which kinds of media are asked for or sent. Default: both. */
  readonly media?: MediaKinds
  /**
   * STUN and TURN servers of its peers, or a function that gives them; it is asked before every session, so that
   * credentials may end. Names are resolved then. Default: the server's `iceServers`. What the other server names in
   * `Link` headers comes after the offer and is not asked.
   */
  readonly iceServers?: readonly IceServer[] | (() => readonly IceServer[] | Promise<readonly IceServer[]>)
  /** Which addresses its peers may use. Default: the server's `iceTransportPolicy`. */
  readonly iceTransportPolicy?: IceTransportPolicy
  /** How long a response may take. Default 10,000; 1 to 600,000. */
  readonly requestTimeoutMs?: number
  /**
   * How long its ICE servers may take, names included, which is no longer than 3 s (10 s with `iceTransportPolicy: 'relay'`)
   * anyway; and how long ICE and DTLS may once both descriptions are known. Default 10,000; 1 to 600,000.
   */
  readonly connectTimeoutMs?: number
  /**
   * The pause before the first new attempt; it doubles from one failure to the next, and half of it is random. A longer
   * `Retry-After` of the other server, up to an hour, wins. Default 500; 1 to 600,000.
   */
  readonly retryMinMs?: number
  /** The longest pause, `Retry-After` apart. Default 30,000; `retryMinMs` to 3,600,000. */
  readonly retryMaxMs?: number
  /** Failures in a row after which it is closed. 0: the first one closes it. Default: it goes on for ever. */
  readonly maxRetries?: number
  /** Closes it, with the reason `aborted`. */
  readonly signal?: AbortSignal
}

/** Options of `server.pullFrom`. */
export interface PullFromOptions extends RemoteStreamOptions {
  /** Takes the stream from whoever publishes it here. Default `false`: it waits until the stream is free. */
  readonly replace?: boolean
}

/** Options of `server.pushTo`. */
export interface PushToOptions extends RemoteStreamOptions {}

/** What a remote stream does: an attempt is under way, media flows, it waits for the next attempt, or it is over. */
export type RemoteStreamState = 'connecting' | 'connected' | 'waiting' | 'closed'

/** Events of a remote stream. */
export interface RemoteStreamEvents {
  /**
   * `state` changed. `reason` says why it waits or is closed: the code of the `error`, the reason why its peer ended (as
   * in a peer's `closed`), `silent` if nothing was heard for ten seconds, or `tokenFailed` if `token` threw.
   */
  statechange: [
    event: {
      readonly state: RemoteStreamState
      readonly reason: string | undefined
      readonly error: Error | undefined
      readonly nextAttemptAt: Date | undefined
    },
  ]
  /** It is over. `error` is what made another attempt useless, if that was it. */
  closed: [event: { readonly reason: string; readonly error: Error | undefined }]
}

/** A stream's lasting connection with another server, made by `server.pullFrom` or `server.pushTo`. */
export interface RemoteStream extends EventEmitter<RemoteStreamEvents>, AsyncDisposable {
  /** `pull`: from the other server; `push`: to it. */
  readonly action: 'pull' | 'push'
  /** The URL it was made with. */
  readonly url: string
  /** The name of the stream here. */
  readonly streamName: string
  readonly state: RemoteStreamState
  /** Whether `state` is `closed`. */
  readonly closed: boolean
  /** Why it is over. */
  readonly closeReason: string | undefined
  /** The peer of the present session: the stream's publisher here, or one of its viewers. */
  readonly peer: PushPeer | PullPeer | undefined
  /** What the other server's `Link` headers named. The server needs none: its checks open the path. */
  readonly iceServers: readonly IceServer[]
  /** Attempts in a row that failed; a session that ended within five seconds is one too. */
  readonly failures: number
  /** When the next attempt begins; only while it waits. */
  readonly nextAttemptAt: Date | undefined
  /** Why the last attempt failed, until one succeeds. */
  readonly lastError: Error | undefined
  /** Resolves as soon as it is connected. Rejects with the error if it is closed before. */
  connected(): Promise<void>
  /** The statistics of its present peer; empty while there is none. */
  getStats(): Promise<PeerStatsReport>
  /** Ends it: its peer, and by DELETE the session at the other server. Calling it again returns the same promise. */
  close(reason?: string): Promise<void>
}

// ─── Signaling over HTTP ─────────────────────────────────────────────────────────────────────────────────────────────

/** Options of `server.signaling`. */
export interface SignalingOptions {
  /** Decides who may do what. Default: everybody may do everything. */
  readonly authorize?: Authorize
  /** A prefix of all paths, such as `/media`. Default: none. */
  readonly basePath?: string
  /** Mounts `/whip/:stream` and its sessions. Default `true`. */
  readonly whip?: boolean
  /** Mounts `/whep/:stream` and its sessions. Default `true`. */
  readonly whep?: boolean
  /**
   * Mounts `/rtc/v1/whip/?app=…&stream=…` and `/rtc/v1/whep/` too, for clients that were made for SRS. Their stream is
   * named `app/stream`; without `app` it is `live`. Default `false`.
   */
  readonly srsPaths?: boolean
  /**
   * The reverse proxies that are believed about `X-Forwarded-For`: how many there are, their networks (`10.0.0.0/8`,
   * `loopback`, `linklocal`, `uniquelocal`), or a function of an address and its distance. Default: none.
   */
  readonly trustProxy?: number | readonly string[] | ((address: string, hop: number) => boolean)
  /**
   * The URL from outside of where the signaling is mounted, such as `https://media.example/live`, without a slash at
   * its end. It stands in `Location` and in the pages instead of the path that the framework knows, which is needed
   * where a reverse proxy changes paths. Default: none; locations are absolute paths.
   */
  readonly publicUrl?: string
  /**
   * Begins the names of sessions, before a dot: 1 to 32 letters, digits, `_` or `-`. Where several processes serve one
   * address, a reverse proxy finds by it the process whose session it is. Default: random for each process.
   */
  readonly processTag?: string
  /** Answers to other origins' pages. Default: every origin may. `false`: no CORS headers at all. */
  readonly cors?: CorsOptions | false
  /** Mounts the pages `/`, `/push/:stream`, `/pull/:stream`, the browser library and `/api/streams`. Default `false`. */
  readonly pages?: boolean
  /**
   * Mounts the XRTC routes `/signaling/*` and their pages `/xrtcclient/push` and `/xrtcclient/pull`. Default `false`;
   * `true`: with their own defaults.
   */
  readonly xrtc?: boolean | XrtcRoutesOptions
  /** The largest request body. Default 131,072 bytes; a description or fragment has at most 65,536, whatever this says. */
  readonly maxBodyBytes?: number
  /** How long a request may take to arrive, how long `authorize` may, and how long the server's answer. Default 10,000 each. */
  readonly requestTimeoutMs?: number
  /** Accepts a PATCH without `If-Match`, which some clients send. Default `false`: it is answered 428. */
  readonly lenientIfMatch?: boolean
  /**
   * Answers a viewer's offer that cannot be accepted with the server's own offer (406, draft-ietf-wish-whep-04 §4.3.2)
   * instead of 422. Default `false`: Eyevinn's players take 406 for "no audio", medooze's for a failure.
   */
  readonly counterOffers?: boolean
  /** Extensions of WHEP. Default: none, because popular players read no `Link` header but that of an ICE server. */
  readonly whepExtensions?: WhepExtensions
  /** The `Retry-After` of a WHEP request for a stream that is not live, in seconds. Default 2. */
  readonly retryAfterSeconds?: number
  /** How many POST, PATCH and DELETE requests a client may make; more are answered 429. `false`: any number. */
  readonly rateLimit?: RateLimitOptions | false
}

/** Extensions of WHEP, which are told in `Link` headers of the answer. */
export interface WhepExtensions {
  /**
   * Server-sent events `active`, `inactive`, `layers` and `viewercount`
   * (`urn:ietf:params:whep:ext:core:server-sent-events`). Default `false`.
   */
  readonly events?: boolean
  /**
   * Lets players choose a simulcast layer (`urn:ietf:params:whep:ext:core:layer`). It needs `events`, which tell the
   * layers. Default `false`.
   */
  readonly layers?: boolean
}

/** Limits of requests, counted for each address and for each bearer token; a request must keep to both. */
export interface RateLimitOptions {
  /** For each IPv4 address or IPv6 /64 network. Default `{ perSecond: 100, burst: 1000 }`. */
  readonly perAddress?: RateLimit | false
  /** For each token. Default `{ perSecond: 100, burst: 1000 }`. */
  readonly perToken?: RateLimit | false
  /** How many addresses, and how many tokens, are remembered; the least recent are forgotten. Default 10,000. */
  readonly remembered?: number
}

/** A token bucket. */
export interface RateLimit {
  /** Requests that are let in each second on average: above 0. */
  readonly perSecond: number
  /** Requests that are let in at once after a pause: an integer from 1. */
  readonly burst: number
}

/** Options of the XRTC routes. */
export interface XrtcRoutesOptions {
  /** Whether a push takes a stream over that another uid publishes. Default `false`: it is refused (`streamInUse`). */
  readonly replace?: boolean
}

/** Which pages of other origins may use the signaling. */
export interface CorsOptions {
  /** Allowed origins, as browsers write them: `https://a.example`, without a path. Default `'*'`. */
  readonly origins?: '*' | readonly string[]
  /** How long browsers may keep the answer to a preflight, in seconds. Default 86,400. */
  readonly maxAgeSeconds?: number
}

/** What is being asked for. Requests of the XRTC routes say who asks; that is not proven. */
export type AuthorizeContext =
  | { readonly action: 'push'; readonly stream: string; readonly uid?: bigint }
  | { readonly action: 'pull'; readonly stream: string; readonly uid?: bigint }
  | { readonly action: 'list'; readonly stream: undefined; readonly uid?: undefined }

/**
 * Decides whether a request may be served: `true` or an object allow it; `false` refuses it with 401, and
 * `'forbidden'` with 403. It is also asked for the requests of an existing session. If it throws, or gives anything
 * else (a grant with a member that there is not, `undefined`), the answer is 500; if it does not settle within
 * `requestTimeoutMs`, 503 with `Retry-After`. The server tells `listenererror` of either.
 */
export type Authorize = (
  request: SignalingRequest,
  context: AuthorizeContext,
) => AuthorizeResult | Promise<AuthorizeResult>

/** What `authorize` returns. */
export type AuthorizeResult = boolean | 'forbidden' | Grant

/** That a request is allowed, and on which terms. Every member is optional. */
export interface Grant {
  /** Who asks. A publisher that comes back with the same identity replaces its earlier self at once. */
  readonly identity?: string
  /**
   * STUN and TURN servers for the client, told in `Link` headers, beside the embedded one if there is one. Default: none,
   * which suits most networks.
   */
  readonly iceServers?: readonly IceServer[]
  /**
   * Sends whoever opens a session elsewhere (307): an absolute URL or an absolute path of the same origin. The rest of
   * the grant has no meaning then. Requests of an existing session are never sent elsewhere.
   */
  readonly redirect?: string
  /** How far the session may go. */
  readonly limits?: SessionLimits
}

/** Limits of one session. */
export interface SessionLimits {
  /**
   * How long the session may last, from 1. When the time is over its peer is closed. A later request of the session
   * that brings another limit replaces this one. Default: as long as its peer lives.
   */
  readonly expiresInMs?: number
}

/**
 * Makes an `authorize` that asks for a JSON Web Token. A token that is missing, wrong or expired is refused with 401, one
 * that does not allow what is asked for with 403. `sub` becomes the identity, and at `exp` the session ends.
 *
 * What a token allows stands in one claim, by default `xrtc`: `{ "push": ["ann/*"], "pull": ["**"], "list": true }`.
 * In a pattern `*` stands for one segment of the stream's name, and `**` at its end for one or more.
 *
 * @throws {InvalidArgumentError} There is not exactly one key, it cannot be read, or an algorithm does not fit it.
 * @example
 * server.signaling({ authorize: jwtAuthorize({ jwksUrl: 'https://login.example/keys', audience: 'media' }) })
 */
export declare function jwtAuthorize(options: JwtAuthorizeOptions): JwtAuthorize

/** What `jwtAuthorize` accepts: one of `secret`, `publicKey` and `jwksUrl`, and rules for the tokens. */
export interface JwtAuthorizeOptions {
  /** The secret of HMAC tokens, at least 32 bytes. */
  readonly secret?: string | Uint8Array
  /** The public key of signed tokens: PEM or a JWK. */
  readonly publicKey?: string | Readonly<Record<string, unknown>>
  /** Where the public keys of signed tokens are, as a JWK set. It is asked when needed and remembered for ten minutes. */
  readonly jwksUrl?: string | URL
  /**
   * The algorithms that are taken, of those that fit the key. Default: all that do: HS256, HS384 and HS512 with a `secret`;
   * the ones with RSA, elliptic curves and EdDSA otherwise.
   */
  readonly algorithms?: readonly string[]
  /** What `aud` must be or have; of several one. Default: anything. */
  readonly audience?: string | readonly string[]
  /** What `iss` must be; of several one. Default: anything. */
  readonly issuer?: string | readonly string[]
  /** The claim with the permissions. Default `xrtc`. */
  readonly claim?: string
  /** How far clocks may differ. Default 5; 0 to 3,600. */
  readonly clockToleranceSeconds?: number
}

/** What `jwtAuthorize` gives; an `authorize` of your own can call it and change what it returns. */
export type JwtAuthorize = (
  request: SignalingRequest,
  context: AuthorizeContext,
) => Promise<Grant | 'forbidden' | false>

/**
 * Mints credentials of a TURN server for one client, which end by themselves: the user name is `expiry:identity`, the
 * credential its HMAC-SHA1 in base64. coturn calls it `use-auth-secret`.
 *
 * @throws {InvalidArgumentError} An option has the wrong type or is out of range.
 * @example
 * const iceServers = [turnCredentials({ secret, urls: 'turn:turn.example:3478', identity: 'ann' })]
 */
export declare function turnCredentials(options: TurnCredentialsOptions): IceServer

/** What `turnCredentials` accepts. */
export interface TurnCredentialsOptions {
  /** The secret that the TURN server has too. */
  readonly secret: string
  /** As in `IceServer`. */
  readonly urls: string | readonly string[]
  /** How long the credentials are good. Default 86,400; 1 to 31,536,000. */
  readonly ttlSeconds?: number
  /** Who they are for; it shows in the TURN server's log. Default: nobody. */
  readonly identity?: string
}

/** A STUN or TURN server, as in the browser. */
export interface IceServer {
  /** One or more of the same server, such as `stun:host:3478` or `turn:host:3478?transport=udp`. */
  readonly urls: string | readonly string[]
  readonly username?: string
  readonly credential?: string
  /** Of what kind `credential` is. WebRTC has but one kind left. */
  readonly credentialType?: 'password'
}

/** A request, as `authorize` sees it. */
export interface SignalingRequest {
  readonly method: string
  /** Path and query as the client sent them. */
  readonly url: string
  /** Headers by lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** The bearer token of the `Authorization` header or, without one, the `token` of the query. */
  readonly token: string | undefined
  readonly remoteAddress: string | undefined
}

/** HTTP signaling, made by `server.signaling()`. Its handlers work detached and side by side. */
export interface Signaling extends AsyncDisposable {
  /**
   * A listener for `node:http`, `node:https` and `node:http2`, or a middleware of Connect and Express, which sees paths
   * below its mount. Paths that are not its own go to `next`; without one they are answered 404.
   */
  readonly listener: (
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
    next?: (error?: unknown) => void,
  ) => void
  /**
   * For Hono, Bun, Deno and whatever else has the Fetch standard's requests. Its paths are whole ones: set `basePath`
   * to where they begin. Paths that are not its own are answered by `notFound`; without one with 404.
   */
  readonly fetch: (request: Request, about?: FetchContext) => Promise<Response>
  /** A Fastify plugin: `app.register(signaling.fastify, { prefix: '/media' })`. It adds its own routes and no others. */
  readonly fastify: (instance: FastifyHost, options: object, done: (error?: Error) => void) => void
  /** How many sessions there are now. */
  readonly sessionCount: number
  /**
   * Opens no session any more (503 with `Retry-After`) while those that are there go on; resolves when the last one is
   * over. There is no way back.
   */
  drain(): Promise<void>
  /** Ends the sessions; every later request is answered 503. The `node:http` server is not touched. */
  close(): Promise<void>
}

/** What a request of the Fetch standard does not tell. */
export interface FetchContext {
  /** Where the connection comes from. */
  readonly remoteAddress?: string | undefined
  /** Answers what is not the signaling's. */
  readonly notFound?: () => Response | Promise<Response>
}

/** What `signaling.fastify` uses of a `FastifyInstance`. */
export interface FastifyHost {
  readonly prefix: string
  removeAllContentTypeParsers(): void
  addContentTypeParser(
    contentType: '*',
    parser: (request: never, payload: never, done: (error: Error | null, body?: unknown) => void) => void,
  ): unknown
  route(options: FastifyRoute): unknown
}

/** A route as `signaling.fastify` adds it. */
export interface FastifyRoute {
  method: string[]
  url: string
  exposeHeadRoute: boolean
  handler(request: FastifyRequestOf, reply: FastifyReplyOf): Promise<unknown>
}

/** What `signaling.fastify` reads of a `FastifyRequest`. */
export interface FastifyRequestOf {
  readonly raw: IncomingMessage | Http2ServerRequest
  readonly body: unknown
}

/** What `signaling.fastify` uses of a `FastifyReply`. */
export interface FastifyReplyOf {
  readonly raw: ServerResponse | Http2ServerResponse
  code(status: number): FastifyReplyOf
  headers(values: Record<string, string | string[]>): FastifyReplyOf
  send(body?: unknown): FastifyReplyOf
  callNotFound(): unknown
}

/** The values of `errNo` in the replies of the XRTC routes; docs/api/xrtc-routes.md says what causes each. */
export declare const XrtcErrNo: {
  readonly success: 0
  readonly invalidParameter: 1001
  readonly dtlsRequired: 1002
  readonly unauthorized: 1003
  readonly forbidden: 1004
  readonly methodNotAllowed: 1005
  readonly unsupportedMediaType: 1006
  readonly bodyTooLarge: 1007
  readonly requestTimeout: 1008
  readonly tooManyRequests: 1009
  readonly redirected: 1010
  readonly streamNotFound: 2001
  readonly streamNotLive: 2002
  readonly streamInUse: 2003
  readonly sessionNotFound: 2004
  readonly noAnswerAwaited: 2005
  readonly invalidAnswer: 3001
  readonly unsupportedAnswer: 3002
  readonly noCommonCodec: 3003
  readonly internal: 5001
  readonly closed: 5002
  readonly limitReached: 5003
  readonly overloaded: 5004
}

// ─── Webhooks ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Options of `server.webhooks`. */
export interface WebhooksOptions {
  /** Where the events are POSTed: an `http` or `https` URL. Redirects are not followed. */
  readonly url: string | URL
  /** Signs them: `whsec_` and base64, or any other text; at least 24 bytes. */
  readonly secret: string
  /** Which events. Default: all. */
  readonly events?: readonly WebhookEvent['type'][]
  /** How long one attempt may take. Default 10,000; 100 to 60,000. */
  readonly timeoutMs?: number
  /** The first wait after a failure; each further one doubles it, and chance takes off up to a half. Default 500. */
  readonly retryMinMs?: number
  /** The longest wait, unless the receiver's `Retry-After` asks for a longer one. Default 60,000. */
  readonly retryMaxMs?: number
  /** How old an event may become until it is given up. Default 300,000; 0 to 86,400,000. */
  readonly giveUpAfterMs?: number
  /** How many events may wait; further ones are dropped. Default 10,000; 1 to 1,000,000. */
  readonly maxQueued?: number
  /** How long `close`, and so the server's `close`, tries to deliver what waits. Default 5,000; 0 to 600,000. */
  readonly flushMs?: number
}

/** Webhooks, made by `server.webhooks()`. They end with their server. */
export interface Webhooks extends AsyncDisposable {
  /** What became of the events. */
  readonly counters: WebhookCounters
  /** Takes no more events and delivers what waits, within `flushMs`. Calling it again returns the same promise. */
  close(): Promise<void>
}

/** Counts of events. All but `queued` only grow. */
export interface WebhookCounters {
  /** On their way now. */
  readonly queued: number
  /** Answered with 2xx. */
  readonly delivered: number
  /** Attempts that failed and were repeated. */
  readonly retried: number
  /** Answered with what is no success and no temporary failure, and not repeated. */
  readonly refused: number
  /** Too old after failures. */
  readonly abandoned: number
  /** Not taken because too many waited, or left when `close` gave up. */
  readonly dropped: number
}

/** What a webhook's body has beside its `timestamp`. Events of one stream arrive in order. */
export type WebhookEvent =
  | { readonly type: 'stream.added' | 'stream.live' | 'stream.waiting'; readonly data: WebhookStream }
  | { readonly type: 'stream.removed'; readonly data: WebhookStream & { readonly reason: string } }
  | { readonly type: 'peer.added' | 'peer.connected'; readonly data: WebhookPeer }
  | {
      readonly type: 'peer.removed'
      readonly data: WebhookPeer & { readonly reason: string; readonly detail: string }
    }

/** A stream, as webhooks tell of it. */
export interface WebhookStream {
  /** Its name. */
  readonly stream: string
  readonly state: StreamState
  /** ISO 8601. */
  readonly createdAt: string
  /** How many viewers it has. */
  readonly viewers: number
  readonly publisher?: WebhookPeer
}

/** A peer, as webhooks tell of it. */
export interface WebhookPeer {
  /** The name of its stream. */
  readonly stream: string
  /** Its `id`. */
  readonly peer: string
  readonly action: 'push' | 'pull'
  readonly identity?: string
}

// ─── Figures ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * What is held now, over all workers. When a peer is gone, so is everything it held: the record of a server without
 * peers and streams is the same at any time.
 */
export interface Held {
  /** Sockets of the workers and of the TURN server. */
  readonly sockets: number
  /** Peers of the workers. */
  readonly peers: number
  /** Secure pipes, those that still say goodbye included. */
  readonly transports: number
  /** DTLS state machines. */
  readonly dtls: number
  /** Offers of the server without an answer. */
  readonly pendingOffers: number
  /** Entries in the tables of remote addresses. */
  readonly addresses: number
  /** Remote addresses whose datagrams one worker receives and passes on to another, which has the peer. */
  readonly detours: number
  /**
   * Allocations that peers with full ICE have at TURN servers. Each is given back when its peer closes, and it and its
   * socket count until the server has said so, two seconds at most.
   */
  readonly relayedAddresses: number
  /** Entries in the tables of ICE user names. */
  readonly ufrags: number
  /** Streams, each counted on its home worker. */
  readonly streams: number
  /** Streams of other workers that a worker knows. */
  readonly remoteStreams: number
  /** Tracks going out to viewers. */
  readonly subscriptions: number
  /** Armed timers. */
  readonly timers: number
  /** Packets in caches. */
  readonly cachedPackets: number
  /** Messages and events in the queues between threads. */
  readonly queueSlots: number
  /** Allocations of the TURN server. */
  readonly turnAllocations: number
  /** TCP and TLS connections of the TURN server. */
  readonly turnConnections: number
  /** HTTP sessions of all signalings. */
  readonly httpSessions: number
  /**
   * Entries of peers, objects or not, and of streams, and promises of commands under way. An accepted peer has two: among
   * the open ones, and in its stream.
   */
  readonly handles: number
}

/** Counters of the server since its start. They only grow, but for the ones that are said to be gauges. */
export interface ServerStats {
  /** Milliseconds since 1970. */
  readonly timestamp: number
  /** By the workers' index. */
  readonly workers: readonly WorkerStats[]
  /**
   * TCP connections taken, those of them that were closed because they were too many, too slow or began with no
   * authentic check, and (a gauge) those that have not shown yet whose they are. Those of peers are `tcpConnections` of
   * the workers' `sockets`.
   */
  readonly tcp: { readonly accepted: number; readonly refused: number; readonly waiting: number }
  /**
   * What the TURN server did, by name, such as `allocationsMade`, `challenges`, `overBudget`, `peersRefused`,
   * `bytesToPeers`; `allocations`, `permissions`, `channels`, `connections` and `sockets` are gauges. Not there without a
   * TURN server.
   */
  readonly turn?: Readonly<Record<string, number>>
}

/** Counters of one worker, by name. */
export interface WorkerStats {
  /**
   * Its sockets and queues, such as `datagramsReceived`, `bytesReceived`, `datagramsSent`, `bytesSent`, `trainsSent`,
   * `kernelDrops`, `sendDropped`, `tcpFramesDropped`; `tcpConnections`, `receiveBufferBytes` and `sendBufferBytes` are
   * gauges.
   */
  readonly sockets: Readonly<Record<string, number>>
  /** Packets that were dropped, by cause. */
  readonly discards: Readonly<Record<string, number>>
}

/** The statistics of a peer by `id`. */
export type PeerStatsReport = ReadonlyMap<string, PeerStats>

/** One entry of a peer's statistics; `type` tells which. Members that are not known (yet) are left out. */
export type PeerStats =
  | InboundRtpStats
  | OutboundRtpStats
  | RemoteInboundRtpStats
  | TransportStats
  | CandidatePairStats
  | CandidateStats
  | CodecStats

/** What all entries have. */
export interface PeerStatsBase {
  /** Unique within the report and stable over the life of what it describes. */
  readonly id: string
  /** Milliseconds since 1970. */
  readonly timestamp: number
}

/** What all RTP streams have. */
export interface RtpStreamStats extends PeerStatsBase {
  readonly ssrc: number
  readonly kind: 'audio' | 'video'
  /** The `id` of its transport's entry. */
  readonly transportId: string
  /** The `id` of its codec's entry. */
  readonly codecId?: string
}

/** RTP from a publisher, one entry for each simulcast layer. Counters grow. */
export interface InboundRtpStats extends RtpStreamStats {
  readonly type: 'inbound-rtp'
  readonly mid?: string
  readonly rid?: string
  /** The SSRC of its retransmissions. */
  readonly rtxSsrc?: number
  readonly packetsReceived: number
  /** Payload bytes. */
  readonly bytesReceived: number
  /** Bytes of headers and padding. */
  readonly headerBytesReceived: number
  readonly retransmittedPacketsReceived: number
  readonly retransmittedBytesReceived: number
  /** Expected and not received; late packets and retransmissions lower it. */
  readonly packetsLost: number
  /** Seconds; a gauge. */
  readonly jitter: number
  readonly nackCount: number
  /** Of video: frames, key frames among them, and what was asked for. */
  readonly framesReceived?: number
  readonly keyFramesReceived?: number
  readonly pliCount?: number
  readonly firCount?: number
  /** Pixels; gauges. */
  readonly frameWidth?: number
  readonly frameHeight?: number
  /** Over the last while; a gauge. */
  readonly bitrateBps: number
  /** Whether packets came lately; a gauge. */
  readonly live: boolean
  /** Milliseconds since 1970. */
  readonly lastPacketReceivedTimestamp?: number
}

/** RTP to a viewer. Counters grow. */
export interface OutboundRtpStats extends RtpStreamStats {
  readonly type: 'outbound-rtp'
  readonly mid?: string
  readonly rtxSsrc?: number
  /** The `id` of the viewer's report of it. */
  readonly remoteId?: string
  /** Which of the publisher's layers is forwarded, counted from 0; a gauge. */
  readonly layer?: number
  readonly packetsSent: number
  /** Payload bytes. */
  readonly bytesSent: number
  readonly headerBytesSent: number
  readonly retransmittedPacketsSent: number
  readonly retransmittedBytesSent: number
  /** Asked for by the viewer. */
  readonly nackCount: number
  readonly framesSent?: number
  readonly keyFramesSent?: number
  readonly pliCount?: number
  readonly firCount?: number
  /** Pixels; gauges. */
  readonly frameWidth?: number
  readonly frameHeight?: number
}

/** What a viewer reports of the RTP it receives. */
export interface RemoteInboundRtpStats extends RtpStreamStats {
  readonly type: 'remote-inbound-rtp'
  /** The `id` of the `outbound-rtp` entry. */
  readonly localId: string
  readonly packetsLost: number
  /** Of the last report, 0 to 1; a gauge. */
  readonly fractionLost: number
  /** Seconds; a gauge. */
  readonly jitter: number
  /** Seconds, of the last report; a gauge. */
  readonly roundTripTime?: number
  /** Seconds. */
  readonly totalRoundTripTime: number
  readonly roundTripTimeMeasurements: number
}

/** The transport. Counters grow. */
export interface TransportStats extends PeerStatsBase {
  readonly type: 'transport'
  readonly packetsSent: number
  readonly packetsReceived: number
  /** Bytes of UDP payload. */
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly iceState: PeerIceConnectionState
  /** The server's part: `controlling` or `controlled`. */
  readonly iceRole: 'controlling' | 'controlled'
  readonly iceLocalUsernameFragment: string
  readonly dtlsState: PeerDtlsState
  readonly srtpCipher?: string
  /** The `id` of the pair in use. */
  readonly selectedCandidatePairId?: string
  readonly selectedCandidatePairChanges: number
}

/** The pair of addresses in use. */
export interface CandidatePairStats extends PeerStatsBase {
  readonly type: 'candidate-pair'
  readonly transportId: string
  readonly localCandidateId: string
  readonly remoteCandidateId: string
  readonly state: string
  readonly nominated: boolean
  readonly packetsSent: number
  readonly packetsReceived: number
  readonly bytesSent: number
  readonly bytesReceived: number
  /** Seconds, where it was measured; a gauge. */
  readonly currentRoundTripTime?: number
}

/** One address of a pair. */
export interface CandidateStats extends PeerStatsBase {
  readonly type: 'local-candidate' | 'remote-candidate'
  readonly transportId: string
  readonly address: string
  readonly port: number
  readonly protocol: string
  /**
   * Of ours `relay` for an address on a TURN server and `host` for any other. Of remote ones what it was signalled as, or
   * `prflx` if a check came first; with ICE-lite always `prflx`, since that keeps no candidates.
   */
  readonly candidateType: string
  /** How the TURN server is spoken to: `udp`. */
  readonly relayProtocol?: string
  /** The TURN server. */
  readonly url?: string
}

/** A codec with its payload type. */
export interface CodecStats extends PeerStatsBase {
  readonly type: 'codec'
  readonly transportId: string
  readonly payloadType: number
  readonly mimeType: string
  readonly clockRate: number
  readonly channels?: number
  readonly sdpFmtpLine?: string
}

// ─── Errors ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Every code that an `XrtcError` can have; docs/api/errors.md says what causes and cures each. */
export type XrtcErrorCode =
  | 'XRTC_ADDRESS_IN_USE'
  | 'XRTC_BIND_FAILED'
  | 'XRTC_CLOSED'
  | 'XRTC_INTERNAL'
  | 'XRTC_INVALID_ARGUMENT'
  | 'XRTC_INVALID_DESCRIPTION'
  | 'XRTC_INVALID_FRAGMENT'
  | 'XRTC_INVALID_STATE'
  | 'XRTC_INVALID_STREAM_NAME'
  | 'XRTC_LIMIT_REACHED'
  | 'XRTC_NATIVE_MISSING'
  | 'XRTC_NO_COMMON_CODEC'
  | 'XRTC_NO_RELAY'
  | 'XRTC_OVERLOADED'
  | 'XRTC_REMOTE_FORBIDDEN'
  | 'XRTC_REMOTE_REFUSED'
  | 'XRTC_REMOTE_UNAUTHORIZED'
  | 'XRTC_REMOTE_UNAVAILABLE'
  | 'XRTC_REMOTE_UNREACHABLE'
  | 'XRTC_STREAM_IN_USE'
  | 'XRTC_STREAM_NOT_LIVE'
  | 'XRTC_UNKNOWN_STREAM'
  | 'XRTC_UNRESOLVED_ADDRESS'
  | 'XRTC_UNSUPPORTED_DESCRIPTION'

/** The base of every error that xrtc throws. */
export declare class XrtcError extends Error {
  constructor(code: XrtcErrorCode, message: string, options?: XrtcErrorOptions)
  /** Stable; the message may change. */
  readonly code: XrtcErrorCode
  /** The data needed to act, such as the `line` of an invalid description or both lists of codecs; often empty. */
  readonly details: Readonly<Record<string, string>>
}
/** What an `XrtcError` can carry. */
export interface XrtcErrorOptions extends ErrorOptions {
  readonly details?: Readonly<Record<string, string>>
}
/** The caller's argument is wrong. */
export declare class InvalidArgumentError extends XrtcError {}
/** The call does not fit the object's state. */
export declare class InvalidStateError extends XrtcError {}
/** The remote side's description is wrong or cannot be accepted. */
export declare class NegotiationError extends XrtcError {}
/** The stream is taken, or not there. */
export declare class StreamError extends XrtcError {}
/** A limit is reached; try again later, unless `details.limit` is `descriptionBytes`. */
export declare class LimitError extends XrtcError {}
/** The object is closed. */
export declare class ClosedError extends XrtcError {}
/** The network refused. */
export declare class NetworkError extends XrtcError {}
/** Another server cannot be reached, or refuses. `details.status` is its HTTP status, `details.url` its origin. */
export declare class RemoteError extends XrtcError {}
/** A defect of xrtc or of its installation. */
export declare class InternalError extends XrtcError {}
