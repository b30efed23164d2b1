// The certificate of TURN over TLS.

import test from 'ava'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:tls'
import { generate } from 'selfsigned'
import type { TurnCertificate } from 'xrtc'
import { ClosedError, createServer, InvalidArgumentError, InvalidStateError } from 'xrtc'
import { startServer } from '../harness.ts'

async function certificate(
  name: string,
  notAfterDate?: Date,
  keyType: 'ec' | 'rsa' = 'ec',
): Promise<Record<keyof TurnCertificate, string>> {
  const dates = notAfterDate === undefined ? {} : { notBeforeDate: new Date(0), notAfterDate }
  const pems = await generate([{ name: 'commonName', value: name }], { keyType, algorithm: 'sha256', ...dates })
  return { cert: pems.cert, key: pems.private }
}

/** The name in the certificate that a new connection is shown. */
async function shown(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { raw } = socket.getPeerCertificate()
  socket.destroy()
  return new X509Certificate(raw).subject
}

test('a replaced certificate is for connections that come from then on', async (t) => {
  const first = await certificate('first.example')
  const bytes = { cert: Buffer.from(first.cert), key: Buffer.from(first.key) }
  const server = await startServer(t, { turn: { port: 0, tls: { port: 0, ...bytes } } })
  const port = server.turn?.tls[0]?.port ?? 0
  const before = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  t.teardown(() => before.destroy())
  await once(before, 'secureConnect')
  t.is(await shown(port), 'CN=first.example')
  server.replaceTurnCertificate(await certificate('second.example', undefined, 'rsa'))
  t.is(await shown(port), 'CN=second.example')
  t.false(before.destroyed)
})

test('what cannot be a certificate is refused by its reason, at the start and later', async (t) => {
  const [good, other] = [await certificate('good.example'), await certificate('other.example')]
  const server = await startServer(t, { turn: { port: 0, tls: { port: 0, ...good } } })
  const refused: readonly (readonly [unknown, RegExp])[] = [
    [{ ...good, cert: 'none' }, /\.cert is not PEM; /],
    [{ ...good, key: '' }, /\.key is empty; /],
    [
      { ...good, cert: `${good.cert}\n${good.cert.slice(0, 200)}` },
      /the certificate is not PEM \(a section has no end\)$/,
    ],
    [{ ...good, cert: good.cert.replace(/(CERTIFICATE-----\n)..../, '$1????') }, /not PEM \(a section is no base64\)$/],
    [{ ...good, key: other.key }, /the private key is not the certificate's$/],
    [await certificate('old.example', new Date(86_400_000)), /has expired/],
    [{ cert: good.cert }, /key is PEM, as a string or a Buffer/],
  ]
  for (const [wrong, message] of refused) {
    const expectation = { instanceOf: InvalidArgumentError, code: 'XRTC_INVALID_ARGUMENT', message }
    t.throws(() => server.replaceTurnCertificate(wrong as TurnCertificate), expectation)
    const turn = { port: 0, tls: { port: 0, ...(wrong as TurnCertificate) } }
    await t.throwsAsync(createServer({ udp: { host: '127.0.0.1' }, workers: 1, turn }), expectation)
  }
  t.is(await shown(server.turn?.tls[0]?.port ?? 0), 'CN=good.example')
  const plain = await startServer(t, { turn: { port: 0 } })
  for (const without of [plain, await startServer(t)]) {
    t.throws(() => without.replaceTurnCertificate(good), {
      instanceOf: InvalidStateError,
      code: 'XRTC_INVALID_STATE',
      message: /no TURN over TLS/,
    })
  }
  await server.close()
  t.throws(() => server.replaceTurnCertificate(good), { instanceOf: ClosedError, code: 'XRTC_CLOSED' })
})
