// The certificate of `--https`: the given one, or a self-signed one for as long as the process runs.

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { isIP } from 'node:net'
import { createSecureContext } from 'node:tls'
import type { PemKind } from '../pem.ts'
import { pemFault } from '../pem.ts'
import { localAddresses } from './addresses.ts'
import { reasonOf } from './file-error.ts'

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
  if (cert !== undefined && key !== undefined) {
    const given = await readPair(['--cert', cert], ['--key', key])
    return usable(given, `--cert ${cert} and --key ${key}`)
  }
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
function usable(certificate: Certificate, written: string): Certificate {
  try {
    createSecureContext(certificate)
    // OpenSSL does not compare keys of different kinds: a server would start, and no handshake succeed.
    if (!new X509Certificate(certificate.cert).checkPrivateKey(createPrivateKey(certificate.key))) {
      throw new Error('the key is another one’s')
    }
    return certificate
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/^error:[0-9A-F]*:/, '') : String(cause)
    throw new Error(`${written} are not a certificate and its private key (${reason})`, { cause })
  }
}

/** Reads a certificate and its key. What they say is not looked at, only that they are PEM. */
export async function readPair(
  [certFlag, cert]: readonly [string, string],
  [keyFlag, key]: readonly [string, string],
): Promise<Certificate> {
  return { cert: await readPem(certFlag, cert, 'certificate'), key: await readPem(keyFlag, key, 'key') }
}

async function readPem(flag: string, path: string, kind: PemKind): Promise<string> {
  const text = await read(flag, path)
  const fault = pemFault(text, kind)
  if (fault === undefined) return text
  throw new Error(`${flag}: ${path} ${fault}`)
}

async function read(flag: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new Error(`${flag}: ${path} cannot be read (${reasonOf(cause)})`, { cause })
  }
}
