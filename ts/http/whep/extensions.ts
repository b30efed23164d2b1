// The extensions of WHEP below a session's URL: server-sent events and the choice of a layer.

import { randomBytes } from 'node:crypto'
import type { MediaServer, Peer, PullPeer, Stream, WhepExtensions } from '../../../index.d.ts'
import type { HttpRequest, HttpResponse } from '../message.ts'
import { emptyResponse, mediaType } from '../message.ts'
import { problem } from '../problem.ts'
import type { Session } from '../session.ts'
import { EVENTS, EventStream, isEventType } from './event-stream.ts'
import { chooseLayer } from './layer-choice.ts'
import { StreamWatch } from './stream-watch.ts'

/** A resource of an extension. */
export type ExtensionResource =
  { readonly kind: 'events' } | { readonly kind: 'event-stream'; readonly name: string } | { readonly kind: 'layer' }

/** Each session's event streams; more are refused. */
const MOST_STREAMS = 4

const JSON_TYPE = 'application/json'

/** The resource of a path below a session's, if the extension is enabled. */
export function extensionResource(below: string, { events, layers }: WhepExtensions): ExtensionResource | undefined {
  if (below === 'layer') return layers === true ? { kind: 'layer' } : undefined
  const [, name] = /^events(?:\/([\w-]+))?$/.exec(below) ?? [undefined, null]
  if (name === null || events !== true) return undefined
  return name === undefined ? { kind: 'events' } : { kind: 'event-stream', name }
}

/** The methods of a resource. */
export function extensionMethods({ kind }: ExtensionResource): string {
  return kind === 'event-stream' ? 'OPTIONS, GET, HEAD, DELETE' : 'OPTIONS, POST'
}

/** What OPTIONS says of a resource. */
export function describeExtension(resource: ExtensionResource): HttpResponse['headers'] {
  const allow = ['Allow', extensionMethods(resource)] as const
  return resource.kind === 'event-stream' ? [allow] : [allow, ['Accept-Post', JSON_TYPE]]
}

/** Tells which extensions a session has. */
export function extensionLinks(session: string, { events, layers }: WhepExtensions): HttpResponse['headers'] {
  const rel = 'urn:ietf:params:whep:ext:core'
  const links: HttpResponse['headers'][number][] = []
  if (events === true) {
    links.push(['Link', `<${session}/events>; rel="${rel}:server-sent-events"; events="${EVENTS.join(',')}"`])
  }
  if (layers === true) links.push(['Link', `<${session}/layer>; rel="${rel}:layer"`])
  return links
}

/** Serves the extensions' resources. */
export class Extensions {
  readonly #server: MediaServer
  readonly #maxBodyBytes: number
  readonly #watches = new Map<Stream, StreamWatch>()
  readonly #streams = new Map<Session, Map<string, EventStream>>()

  constructor(server: MediaServer, maxBodyBytes: number) {
    this.#server = server
    this.#maxBodyBytes = maxBodyBytes
  }

  /** Serves a request that is allowed: its method is one of the resource's. `path` is the session's. */
  async serve(
    session: Session,
    resource: ExtensionResource,
    request: HttpRequest,
    path: string,
  ): Promise<HttpResponse> {
    if (resource.kind === 'layer') {
      if (mediaType(request) !== JSON_TYPE) return notJson()
      const wish = parsed(await request.body(this.#maxBodyBytes))
      return await chooseLayer(session.peer.object() as Peer as PullPeer, wish, sectionsOf(session))
    }
    if (resource.kind === 'events') return await this.#create(session, request, path)
    const streams = this.#streams.get(session)
    const stream = streams?.get(resource.name)
    if (stream === undefined) return problem(404, { detail: 'there is no such event stream' })
    if (request.method === 'DELETE') {
      streams?.delete(resource.name)
      stream.close()
      return emptyResponse(200)
    }
    // nginx would hold events back until a buffer is full.
    const headers: HttpResponse['headers'] = [
      ['Content-Type', 'text/event-stream'],
      ['Cache-Control', 'no-store'],
      ['X-Accel-Buffering', 'no'],
    ]
    return request.method === 'HEAD' ? emptyResponse(200, headers) : { status: 200, headers, body: stream.read() }
  }

  async #create(session: Session, request: HttpRequest, path: string): Promise<HttpResponse> {
    if (mediaType(request) !== JSON_TYPE) return notJson()
    const types = parsed(await request.body(this.#maxBodyBytes))
    if (!Array.isArray(types) || types.length === 0 || !types.every(isEventType)) {
      return problem(400, { detail: `the body is a JSON array of types of events; there are ${EVENTS.join(', ')}` })
    }
    const stream = this.#server.stream(session.peer.streamName)
    if (stream === undefined || session.peer.closed) return problem(404, { detail: 'the session is over' })
    const streams = this.#streamsOf(session)
    if (streams.size >= MOST_STREAMS) {
      return problem(409, { detail: `a session has at most ${MOST_STREAMS} event streams: delete one` })
    }
    const name = randomBytes(18).toString('base64url')
    streams.set(name, new EventStream(types, this.#watch(stream), sectionsOf(session)))
    return emptyResponse(201, [
      ['Location', `${path}/events/${name}`],
      ['Cache-Control', 'no-store'],
    ])
  }

  // They end with their session.
  #streamsOf(session: Session): Map<string, EventStream> {
    const present = this.#streams.get(session)
    if (present !== undefined) return present
    const streams = new Map<string, EventStream>()
    this.#streams.set(session, streams)
    session.peer.onEnd(() => {
      this.#streams.delete(session)
      for (const stream of streams.values()) stream.close()
    })
    return streams
  }

  #watch(stream: Stream): StreamWatch {
    const present = this.#watches.get(stream)
    if (present !== undefined) return present
    const watch = new StreamWatch(stream, () => this.#watches.delete(stream))
    this.#watches.set(stream, watch)
    return watch
  }
}

function notJson(): HttpResponse {
  return problem(415, { detail: `the body has the type ${JSON_TYPE}` }, [['Accept-Post', JSON_TYPE]])
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The positions of the video sections that are sent, among all sections of the session. */
function sectionsOf({ peer }: Session): readonly number[] {
  const sections = (peer.localDescription?.sdp ?? '').split(/^m=/m).slice(1)
  return sections.flatMap((section, index) => (/^video [1-9]/.test(section) ? [index] : []))
}
