// What there is to tell of one stream, found out once for all event streams that tell it.

import type { InboundRtpStats, LayerInfo, Stream, TrackInfo } from '../../../index.d.ts'

/** One simulcast layer as the `layers` event has it. A layer without a `bitrate` is inactive. */
export interface LayerReport {
  readonly rid: string
  readonly bitrate?: number
  readonly width?: number
  readonly height?: number
}

/** Who wants to know. */
export interface Watcher {
  readonly wantsLayers: boolean
  activity(isActive: boolean): void
  viewerCount(count: number): void
  /** The layers of each video track; none of a track without simulcast. */
  layers(tracks: readonly (readonly LayerReport[])[]): void
}

// How often viewers are counted and layers looked at: so often, at most, the events about them come.
const VIEWERS_MS = 1_000
const LAYERS_MS = 2_000

/** Watches one stream as long as somebody wants to know. */
export class StreamWatch {
  readonly #stream: Stream
  readonly #watchers = new Set<Watcher>()
  readonly #onChange = (): void => this.#noteActivity()
  readonly #idle: () => void
  #timers: readonly NodeJS.Timeout[] = []
  #active: boolean
  #count = 0
  #tracks: readonly (readonly LayerReport[])[] | undefined
  #isAsking = false

  /** `idle` is called when nobody wants to know any more. */
  constructor(stream: Stream, idle: () => void) {
    this.#stream = stream
    this.#idle = idle
    this.#active = stream.live
  }

  /** Whether packets of a publisher come. */
  get active(): boolean {
    return this.#active
  }

  /** How many viewers there are. */
  get viewerCount(): number {
    return this.#count
  }

  /** The layers, once they were looked at. */
  get tracks(): readonly (readonly LayerReport[])[] | undefined {
    return this.#tracks
  }

  add(watcher: Watcher): void {
    this.#watchers.add(watcher)
    if (this.#watchers.size === 1) this.#begin()
    if (watcher.wantsLayers && this.#tracks === undefined) void this.#lookAtLayers()
  }

  delete(watcher: Watcher): void {
    if (!this.#watchers.delete(watcher) || this.#watchers.size > 0) return
    for (const timer of this.#timers) clearInterval(timer)
    this.#stream.off('change', this.#onChange)
    this.#idle()
  }

  #begin(): void {
    this.#active = this.#stream.live
    this.#count = this.#stream.viewerCount
    this.#stream.on('change', this.#onChange)
    this.#timers = [
      setInterval(() => this.#countViewers(), VIEWERS_MS).unref(),
      setInterval(() => void this.#lookAtLayers(), LAYERS_MS).unref(),
    ]
  }

  #noteActivity(): void {
    const { live } = this.#stream
    if (live === this.#active) return
    this.#active = live
    for (const watcher of this.#watchers) watcher.activity(live)
  }

  #countViewers(): void {
    const count = this.#stream.viewerCount
    if (count === this.#count) return
    this.#count = count
    for (const watcher of this.#watchers) watcher.viewerCount(count)
  }

  async #lookAtLayers(): Promise<void> {
    const curious = [...this.#watchers].some((watcher) => watcher.wantsLayers)
    if (!curious || this.#isAsking) return
    this.#isAsking = true
    const tracks = await layersOf(this.#stream)
    this.#isAsking = false
    if (JSON.stringify(tracks) === JSON.stringify(this.#tracks)) return
    this.#tracks = tracks
    for (const watcher of this.#watchers) watcher.layers(tracks)
  }
}

async function layersOf(stream: Stream): Promise<readonly (readonly LayerReport[])[]> {
  // A publisher that has just gone has no figures.
  const report = await stream.publisher?.getStats().catch(() => undefined)
  const entries = [...(report?.values() ?? [])].filter((entry) => entry.type === 'inbound-rtp')
  const videos = stream.tracks.filter(({ kind }) => kind === 'video')
  return videos.map((track) =>
    track.layers.filter(({ rid }) => rid !== '').map((layer) => reportOf(track, layer, entries)),
  )
}

function reportOf({ mid }: TrackInfo, layer: LayerInfo, entries: readonly InboundRtpStats[]): LayerReport {
  const { rid } = layer
  const entry = entries.find((one) => one.rid === rid && (one.mid ?? mid) === mid)
  const bitrate = entry?.live === true ? Math.round(entry.bitrateBps) : 0
  const { width, height } = { width: entry?.frameWidth ?? layer.width, height: entry?.frameHeight ?? layer.height }
  return { rid, ...(bitrate > 0 ? { bitrate } : {}), ...(width > 0 && height > 0 ? { width, height } : {}) }
}
