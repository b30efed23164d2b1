// A relay between browsers and a server that reads what is plain of their DTLS handshakes.

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { ExecutionContext } from 'ava'
import type { Page } from 'puppeteer-core'
import type { MediaAddress } from 'xrtc'

const HANDSHAKE = 22
const CLIENT_HELLO = 1
const RECORD_HEADER = 13
const EPOCH = 3

/** What one browser's connection has sent through the relay. */
export interface Heard {
  /** The length of each ClientHello by its message number; a HelloRetryRequest would lead to a second one. */
  readonly hellos: Map<number, number>
  /** How many pieces the first ClientHello came in, by their offsets. */
  readonly pieces: Set<number>
  /** There were records under the unified header, which only DTLS 1.3 has (RFC 9147 §4). */
  unified: boolean
}

/** Stands in for the media port of a server: nothing is changed, lost or delayed. */
export class DtlsRelay {
  readonly #front: Socket
  readonly #server: MediaAddress
  readonly #connections = new Map<string, { readonly heard: Heard; readonly upstream: Socket }>()

  private constructor(front: Socket, server: MediaAddress) {
    this.#front = front
    this.#server = server
    front.on('message', (datagram, { address, port }) => this.#fromBrowser(datagram, address, port))
  }

  static async start(t: ExecutionContext, server: MediaAddress): Promise<DtlsRelay> {
    const front = createSocket('udp4').bind(0, server.address)
    await once(front, 'listening')
    const relay = new DtlsRelay(front, server)
    t.teardown(() => {
      front.close()
      for (const { upstream } of relay.#connections.values()) upstream.close()
    })
    return relay
  }

  /** Makes the page's connections take the relay's port for the server's. */
  async standIn(page: Page): Promise<void> {
    await page.evaluateOnNewDocument(`(() => {
      const { setRemoteDescription } = RTCPeerConnection.prototype
      RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
        const relayed = sdp.replaceAll(' ${this.#server.port} typ ', ' ${this.#front.address().port} typ ')
        return setRemoteDescription.call(this, { type, sdp: relayed })
      }
    })()`)
  }

  /** What was heard of each connection whose handshake has begun. */
  heard(): readonly Heard[] {
    return [...this.#connections.values()].map(({ heard }) => heard).filter(({ hellos }) => hellos.size > 0)
  }

  #fromBrowser(datagram: Buffer, address: string, port: number): void {
    const key = `${address} ${port}`
    let connection = this.#connections.get(key)
    if (connection === undefined) {
      const upstream = createSocket('udp4').bind(0, this.#server.address)
      upstream.on('message', (answer) => this.#front.send(answer, port, address))
      connection = { upstream, heard: { hellos: new Map(), pieces: new Set(), unified: false } }
      this.#connections.set(key, connection)
    }
    listen(connection.heard, datagram)
    connection.upstream.send(datagram, this.#server.port, this.#server.address)
  }
}

function listen(heard: Heard, datagram: Buffer): void {
  const first = datagram.readUInt8(0)
  if (first >> 5 === 1) heard.unified = true
  if (first !== HANDSHAKE || datagram.readUInt16BE(EPOCH) !== 0) return
  const message = datagram.subarray(RECORD_HEADER)
  if (message.readUInt8(0) !== CLIENT_HELLO) return
  const number = message.readUInt16BE(4)
  heard.hellos.set(number, message.readUIntBE(1, 3))
  if (number === 0) heard.pieces.add(message.readUIntBE(6, 3))
}
