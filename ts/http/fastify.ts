// Fastify: a plugin that mounts the signaling's routes and answers through the framework's reply, so that the app's own
// hooks see requests and responses.

import type { Readable } from 'node:stream'
import type { FastifyHost, FastifyReplyOf, FastifyRequestOf, Signaling } from '../../index.d.ts'
import { readBody } from './body.ts'
import type { Adapted, HttpRequest, HttpResponse } from './message.ts'
import { groupedHeaders, tokenOf } from './message.ts'
import { headersOf, watchDelivery } from './node-listener.ts'

/** The plugin of a signaling. `paths` are its routes as Fastify writes them. */
export function fastifyPlugin(adapted: Adapted, paths: readonly string[]): Signaling['fastify'] {
  const { serve, requestTimeoutMs } = adapted
  return (instance, _options, done) => {
    keepBodies(instance)
    for (const url of paths) {
      instance.route({
        method: METHODS,
        url,
        exposeHeadRoute: false,
        handler: async (incoming, reply) => {
          const request = readRequest(incoming, instance.prefix, requestTimeoutMs)
          const response = await serve(request, true)
          if (response === undefined) return reply.callNotFound()
          return writeReply(reply, response)
        },
      })
    }
    done()
  }
}

// All that Fastify routes without further ado: the signaling itself refuses with 405 what it has no use for.
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

// Below the plugin no body is parsed: the signaling reads it with its own limits. The app's parsers stay as they are.
function keepBodies(instance: FastifyHost): void {
  instance.removeAllContentTypeParsers()
  instance.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
}

function readRequest(incoming: FastifyRequestOf, prefix: string, timeoutMs: number): HttpRequest {
  const { raw } = incoming
  const url = raw.url ?? '/'
  const at = url.indexOf('?')
  const whole = at === -1 ? url : url.slice(0, at)
  const query = new URLSearchParams(at === -1 ? '' : url.slice(at + 1))
  // The prefix may have parameters, so the request's own segments are taken; a slash at its end begins no segment.
  const segments = prefix.replace(/\/$/, '').split('/').length
  const mount = whole.split('/').slice(0, segments).join('/')
  const headers = headersOf(raw)
  return {
    method: raw.method ?? 'GET',
    url,
    path: whole.slice(mount.length) || '/',
    query,
    headers,
    mount,
    token: tokenOf(headers['authorization'], query),
    remoteAddress: raw.socket.remoteAddress,
    body: async (maxBytes) => {
      const stream = incoming.body as Readable | undefined | null
      return stream === undefined || stream === null ? '' : await readBody({ stream, headers, timeoutMs }, maxBytes)
    },
  }
}

function writeReply(reply: FastifyReplyOf, response: HttpResponse): FastifyReplyOf {
  watchDelivery(reply.raw, response)
  const { status, headers, body } = response
  return reply.code(status).headers(groupedHeaders(headers)).send(body)
}
