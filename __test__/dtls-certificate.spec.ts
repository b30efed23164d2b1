import test from 'ava'
import { createHash, X509Certificate } from 'node:crypto'
import { generate } from 'selfsigned'
import { ClosedError, createServer, InvalidArgumentError } from 'xrtc'
import type { DtlsCertificate } from 'xrtc'
import { startServer } from './harness.ts'

async function certificate(
  keyType: 'ec' | 'rsa' = 'ec',
  notAfterDate?: Date,
): Promise<Record<keyof DtlsCertificate, string>> {
  const dates = notAfterDate === undefined ? {} : { notBeforeDate: new Date(0), notAfterDate }
  const pems = await generate([{ name: 'commonName', value: 'peer' }], { keyType, algorithm: 'sha256', ...dates })
  return { cert: pems.cert, key: pems.private }
}

function fingerprintOf({ cert }: DtlsCertificate): string {
  const digest = createHash('sha256').update(new X509Certificate(cert).raw).digest('hex').toUpperCase()
  return `a=fingerprint:sha-256 ${digest.match(/../g)!.join(':')}`
}

test('a given certificate is the one that peers are told, as text or as bytes', async (t) => {
  const given = await certificate()
  const bytes = { cert: Buffer.from(given.cert), key: Buffer.from(given.key) }
  for (const dtlsCertificate of [given, bytes]) {
    const server = await startServer(t, { dtlsCertificate })
    const publisher = await server.push('lobby')
    t.true(publisher.localDescription!.sdp.includes(fingerprintOf(given)))
  }
})

test('a replaced certificate is for peers that are opened from then on', async (t) => {
  const server = await startServer(t)
  const [first, second] = [await certificate(), await certificate()]
  server.replaceDtlsCertificate(first)
  const before = await server.push('before')
  server.replaceDtlsCertificate(second)
  const after = await server.push('after')
  t.true(before.localDescription!.sdp.includes(fingerprintOf(first)))
  t.true(after.localDescription!.sdp.includes(fingerprintOf(second)))
})

test('what cannot be a certificate is refused by its reason, and the old one stays', async (t) => {
  const [good, other] = [await certificate(), await certificate()]
  const server = await startServer(t, { dtlsCertificate: good })
  const damaged = good.cert.replace(/(CERTIFICATE-----\n)..../, '$1????')
  const encrypted = good.key.replaceAll(' PRIVATE', ' ENCRYPTED PRIVATE')
  const refused: readonly (readonly [unknown, RegExp])[] = [
    [{ cert: '', key: good.key }, /ertificate\.cert is empty; it is PEM with .* -----BEGIN CERTIFICATE-----$/],
    [{ cert: Buffer.alloc(0), key: good.key }, /ertificate\.cert is empty/],
    [{ cert: './cert.pem', key: good.key }, /\.cert is not PEM; .*; give what is in the file, not its name$/],
    [{ cert: good.key, key: good.key }, /\.cert has PRIVATE KEY; .* -----BEGIN CERTIFICATE-----$/],
    [
      { cert: good.cert.slice(0, 200), key: good.key },
      /\.cert is cut off; there is no line -----END CERTIFICATE-----$/,
    ],
    [{ cert: damaged, key: good.key }, /the certificate is no X\.509 certificate, or a damaged one$/],
    [{ cert: good.cert, key: good.cert }, /\.key has CERTIFICATE; .* -----BEGIN PRIVATE KEY-----$/],
    [{ cert: good.cert, key: encrypted }, /\.key is encrypted; only a key without a passphrase can be used$/],
    [{ cert: good.cert, key: other.key }, /private key is not the certificate's/],
    [await certificate('rsa'), /private key is not an ECDSA key/],
    [await certificate('ec', new Date(86_400_000)), /has expired/],
    [{ cert: good.cert }, /ertificate\.key is PEM, as a string or a Buffer/],
    [{ ...good, chain: '' }, /chain/],
    [null, /ertificate is an object/],
  ]
  for (const [wrong, message] of refused) {
    const expectation = { instanceOf: InvalidArgumentError, code: 'XRTC_INVALID_ARGUMENT', message }
    t.throws(() => server.replaceDtlsCertificate(wrong as DtlsCertificate), expectation)
    await t.throwsAsync(() => createServer({ dtlsCertificate: wrong as DtlsCertificate }), expectation)
  }
  const publisher = await server.push('lobby')
  t.true(publisher.localDescription!.sdp.includes(fingerprintOf(good)))
  await server.close()
  t.throws(() => server.replaceDtlsCertificate(good), { instanceOf: ClosedError, code: 'XRTC_CLOSED' })
})
