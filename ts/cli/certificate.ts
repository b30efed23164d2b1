// The certificate of `--https`: the given one, or a self-signed one for as long as the process runs.

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { isIP } from 'node:net'
import { createSecureContext } from 'node:tls'
import { localAddresses } from './addresses.ts'

/** Certificate and private key, as PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** What clients that look at a certificate have against it, if anything can be said from here. */
export function objectionTo({ cert }: Certificate): 'outdated' | 'selfSigned' | undefined {
  const read = new X509Certificate(cert)
  const now = Date.now()
  if (now < Date.parse(read.validFrom) || now > Date.parse(read.validTo)) return 'outdated'
  return read.verify(read.publicKey) ? 'selfSigned' : undefined
}

/** Reads both files, or makes a certificate for this machine's names and addresses. */
export async function loadCertificate(cert: string | undefined, key: string | undefined): Promise<Certificate> {
  if (cert !== undefined && key !== undefined) return usable(await readPair(['--cert', cert], ['--key', key]))
  // Only here, because it takes a while to load.
  const { generate } = await import('selfsigned')
  const altNames = ['localhost', hostname(), '127.0.0.1', '::1', ...localAddresses()].map((name) =>
    isIP(name) === 0 ? ({ type: 2, value: name } as const) : ({ type: 7, ip: name } as const),
  )
  const pems = await generate([{ name: 'commonName', value: 'xrtc' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames },
    ],
  })
  return { cert: pems.cert, key: pems.private }
}

// OpenSSL's own words name neither flag nor file.
function usable(certificate: Certificate): Certificate {
  try {
    createSecureContext(certificate)
    // OpenSSL does not compare keys of different kinds: a server would start, and no handshake succeed.
    if (!new X509Certificate(certificate.cert).checkPrivateKey(createPrivateKey(certificate.key))) {
      throw new Error('the key is another one’s')
    }
    return certificate
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/^error:[0-9A-F]*:/, '') : String(cause)
    throw new Error(`--cert and --key are not a certificate and its private key as PEM (${reason})`, { cause })
  }
}

/** Reads a certificate and its key, whatever they say. */
export async function readPair(
  [certFlag, cert]: readonly [string, string],
  [keyFlag, key]: readonly [string, string],
): Promise<Certificate> {
  return { cert: await read(certFlag, cert), key: await read(keyFlag, key) }
}

async function read(flag: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new Error(`${flag}: ${path} cannot be read`, { cause })
  }
}
