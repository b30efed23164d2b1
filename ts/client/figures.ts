/** Live figures of one track; a figure that the browser does not tell (yet) is absent. */
export interface TrackFigures {
  readonly codec?: string
  /** Media bits per second since the last reading. */
  readonly bitrateBps?: number
  /** Packets lost per packets expected since the last reading, 0 to 1. */
  readonly lossRatio?: number
  readonly jitterMs?: number
  readonly framesPerSecond?: number
  readonly width?: number
  readonly height?: number
}

/** Live figures of a session. */
export interface Figures {
  readonly rttMs?: number
  readonly audio?: TrackFigures
  readonly video?: TrackFigures
}

/** What the next reading needs of this one, by the id of the statistics object. */
export interface FiguresMemory {
  readonly [id: string]: {
    readonly timestamp: number
    readonly bytes: number
    readonly packets: number
    readonly lost: number
  }
}

// The members that are read, of several dictionaries of webrtc-stats; all of them may be missing.
interface Stats {
  readonly id: string
  readonly type: string
  readonly timestamp: number
  readonly kind?: string
  readonly codecId?: string
  readonly mimeType?: string
  readonly bytesSent?: number
  readonly bytesReceived?: number
  readonly packetsSent?: number
  readonly packetsReceived?: number
  readonly packetsLost?: number
  readonly remoteId?: string
  readonly jitter?: number
  readonly framesPerSecond?: number
  readonly frameWidth?: number
  readonly frameHeight?: number
  readonly currentRoundTripTime?: number
  readonly nominated?: boolean
  readonly state?: string
}

/** Reads the figures of a connection; rates are over the time since `memory` was made. */
export async function readFigures(
  connection: RTCPeerConnection | undefined,
  memory: FiguresMemory,
): Promise<{ figures: Figures; memory: FiguresMemory }> {
  if (!connection || connection.connectionState === 'closed') return { figures: {}, memory: {} }
  const report = new Map<string, Stats>()
  for (const [id, stats] of await connection.getStats()) report.set(id, stats as Stats)
  const all = [...report.values()]
  const next: Record<string, FiguresMemory[string]> = {}
  const figures: Record<string, TrackFigures | number> = {}
  for (const kind of ['audio', 'video'] as const) {
    const streams = all.filter(
      (one) => one.kind === kind && (one.type === 'inbound-rtp' || one.type === 'outbound-rtp'),
    )
    if (streams.length > 0) figures[kind] = trackFigures(streams, report, memory, next)
  }
  const pair = all.find((one) => one.type === 'candidate-pair' && one.state === 'succeeded' && one.nominated === true)
  if (pair?.currentRoundTripTime !== undefined) figures['rttMs'] = pair.currentRoundTripTime * 1000
  return { figures: figures as Figures, memory: next }
}

// Several streams of one kind are the layers of a simulcast: rates add up, the largest picture is shown.
function trackFigures(
  streams: readonly Stats[],
  report: ReadonlyMap<string, Stats>,
  memory: FiguresMemory,
  next: Record<string, FiguresMemory[string]>,
): TrackFigures {
  const sum = { bitrate: 0, lost: 0, expected: 0, known: false }
  for (const stream of streams) {
    const bytes = stream.bytesReceived ?? stream.bytesSent ?? 0
    const lost = stream.packetsLost ?? report.get(stream.remoteId ?? '')?.packetsLost ?? 0
    const packets = stream.packetsReceived ?? stream.packetsSent ?? 0
    next[stream.id] = { timestamp: stream.timestamp, bytes, packets, lost }
    const before = memory[stream.id]
    const elapsed = before ? stream.timestamp - before.timestamp : 0
    if (!before || elapsed <= 0) continue
    sum.known = true
    sum.bitrate += ((bytes - before.bytes) * 8 * 1000) / elapsed
    sum.lost += Math.max(0, lost - before.lost)
    sum.expected += packets - before.packets + (stream.type === 'inbound-rtp' ? Math.max(0, lost - before.lost) : 0)
  }
  const largest = streams.reduce((a, b) => ((b.frameHeight ?? 0) > (a.frameHeight ?? 0) ? b : a))
  return defined({
    codec: report.get(largest.codecId ?? '')?.mimeType?.replace(/^.*\//, ''),
    bitrateBps: sum.known ? Math.round(sum.bitrate) : undefined,
    lossRatio: sum.expected > 0 ? Math.min(1, sum.lost / sum.expected) : undefined,
    jitterMs: largest.jitter === undefined ? undefined : largest.jitter * 1000,
    framesPerSecond: largest.framesPerSecond,
    width: largest.frameWidth,
    height: largest.frameHeight,
  })
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

function defined<T extends object>(object: T): Defined<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>
}
