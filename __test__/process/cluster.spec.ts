// Several processes behind one port, as node:cluster and PM2's cluster mode have them.

import test from 'ava'
import { request } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { fileURLToPath } from 'node:url'
import { offerOf } from '../harness.ts'
import { startNode } from './child.ts'

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

function ask(method: string, url: string, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/sdp', 'Content-Length': Buffer.byteLength(body) }
    // A connection for each request, so that each goes to the next process.
    const sent = request(url, { method, headers, agent: false }, async (response) => {
      const text = (await response.toArray()).join('')
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text })
    })
    sent.on('error', reject).end(body)
  })
}

test.serial('a session’s request at another process is 404 and says so; at its own it is served', async (t) => {
  const running = startNode(t, [fileURLToPath(new URL('cluster-app.js', import.meta.url))])
  const [, port] = await running.prints(/ready (\d+)/)
  const url = `http://127.0.0.1:${port}`
  const created = await ask('POST', `${url}/whip/lobby`, offerOf('chromium-publish-vp8'))
  t.is(created.status, 201)
  const session = url + created.headers.location
  const astray = await ask('DELETE', session)
  t.is(astray.status, 404)
  t.regex(astray.body, /of another process/)
  t.is((await ask('DELETE', session)).status, 200)
  running.child.kill('SIGTERM')
  t.is((await running.ended).stderr, '')
})
