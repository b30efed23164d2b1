// One event stream of a WHEP session: which events its player wants, and who reads them now.

import { EventBody } from './event-body.ts'
import type { LayerReport, StreamWatch, Watcher } from './stream-watch.ts'

/** The events that there are. */
export const EVENTS = ['active', 'inactive', 'layers', 'viewercount'] as const

/** The type of an event. */
export type EventType = (typeof EVENTS)[number]

/** Whether it is one of the types that there are. */
export function isEventType(type: unknown): type is EventType {
  return (EVENTS as readonly unknown[]).includes(type)
}

/** An event stream. It has one reader at a time: a later one takes its place, as after a lost connection. */
export class EventStream implements Watcher {
  readonly #types: ReadonlySet<EventType>
  readonly #watch: StreamWatch
  /** The positions of the viewer's video sections, which name the tracks. */
  readonly #sections: readonly number[]
  #body: EventBody | undefined
  /** Whether what the reader heard last is, or would be if it had asked for it, that the stream is active. */
  #wasActive = false

  constructor(types: readonly EventType[], watch: StreamWatch, sections: readonly number[]) {
    this.#types = new Set(types)
    this.#watch = watch
    this.#sections = sections
    watch.add(this)
  }

  get wantsLayers(): boolean {
    return this.#types.has('layers')
  }

  /** Begins with how things are. */
  read(): EventBody {
    this.#body?.finish()
    const body = new EventBody()
    this.#body = body
    body.once('close', () => {
      if (this.#body === body) this.#body = undefined
    })
    if (this.#watch.active || this.#wasActive) this.activity(this.#watch.active)
    this.viewerCount(this.#watch.viewerCount)
    if (this.#watch.tracks !== undefined) this.layers(this.#watch.tracks)
    return body
  }

  /** Ends it with its reader. */
  close(): void {
    this.#watch.delete(this)
    this.#body?.finish()
  }

  activity(isActive: boolean): void {
    // It must not begin with `inactive`: only who was told of an active stream hears that it is none any more.
    if (this.#body === undefined || (!isActive && !this.#wasActive)) return
    this.#wasActive = isActive
    this.#send('activity', isActive ? 'active' : 'inactive', {})
  }

  viewerCount(count: number): void {
    this.#send('viewercount', 'viewercount', { viewercount: count })
  }

  layers(tracks: readonly (readonly LayerReport[])[]): void {
    const named = this.#sections.flatMap((section, index) => {
      const layers = tracks[index] ?? []
      return layers.length === 0 ? [] : [[String(section), layers] as const]
    })
    this.#send('layers', 'layers', Object.fromEntries(named))
  }

  #send(slot: string, type: EventType, data: object): void {
    if (this.#types.has(type)) this.#body?.send(slot, type, JSON.stringify(data))
  }
}
