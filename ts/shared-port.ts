// One TCP port for HTTP and media: the server of node:http (or https, or http2) takes the connections, and those that
// begin with a frame of ICE go on to the workers.

import type { Server, Socket } from 'node:net'

/** Takes the connection behind a file descriptor, which begins with these bytes; `false`: it cannot. */
export type PassConnection = (descriptor: number, first: Buffer) => boolean

type Listener = (socket: Socket) => void

/** RFC 4571 has the length first, and no check is as long as 2,048 bytes; HTTP begins with a letter, TLS with 22. */
const BEYOND_ICE = 8
/** How long a connection may say nothing; as long as node:http waits for the header of a request. */
const SILENCE_MS = 60_000

/** Looks at the beginning of each connection that `server` takes. Gives what undoes it. */
export function sharePort(server: Server, pass: PassConnection): () => void {
  const listeners = server.listeners('connection') as Listener[]
  server.removeAllListeners('connection')
  const look: Listener = (socket) => {
    const give = (): void => {
      for (const listener of listeners) listener.call(server, socket)
    }
    lookAt(socket, { give, pass })
  }
  server.on('connection', look)
  return () => {
    server.off('connection', look)
    for (const listener of listeners) server.on('connection', listener)
  }
}

function lookAt(socket: Socket, { give, pass }: { readonly give: () => void; readonly pass: PassConnection }): void {
  const end = (): void => void socket.destroy()
  const look = (): void => {
    const first = socket.read() as Buffer | null
    // Not yet, or the other side has ended it.
    if (first === null) return
    stop()
    if ((first[0] ?? 0) < BEYOND_ICE) {
      const descriptor = descriptorOf(socket)
      if (descriptor !== undefined) pass(descriptor, first)
      // The workers have a descriptor of their own: closing this one ends nothing.
      end()
      return
    }
    socket.unshift(first)
    give()
  }
  const stop = (): void => {
    socket.off('readable', look).off('end', end).off('error', end).off('timeout', end)
    socket.setTimeout(0)
  }
  socket.setTimeout(SILENCE_MS)
  socket.on('readable', look).on('end', end).on('error', end).on('timeout', end)
}

// Node.js has no public name for it; on Windows there is none.
function descriptorOf(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, '_handle')
  const descriptor: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined
  return typeof descriptor === 'number' && descriptor >= 0 ? descriptor : undefined
}
