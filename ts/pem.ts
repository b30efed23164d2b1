// PEM (RFC 7468), as far as it shows without being decoded: whether it is some, and of the right kind.

import type { DtlsCertificate } from '../index.d.ts'
import type { BindingCertificate } from './binding.d.ts'
import { invalid, known } from './options.ts'

/** What PEM can be asked for. */
export type PemKind = 'certificate' | 'key'

const WANTED: Readonly<Record<PemKind, RegExp>> = {
  certificate: /^CERTIFICATE$/,
  key: /^(?:EC |RSA )?PRIVATE KEY$/,
}
const WRITTEN: Readonly<Record<PemKind, string>> = { certificate: 'CERTIFICATE', key: 'PRIVATE KEY' }

/** A certificate with its key as PEM; what they say is checked natively. */
export function pemCertificate(name: string, certificate: unknown): BindingCertificate {
  if (typeof certificate !== 'object' || certificate === null) throw invalid(`${name} is an object`)
  known(name, certificate, ['cert', 'key'])
  const { cert, key } = certificate as Partial<DtlsCertificate>
  return { cert: pem(`${name}.cert`, cert, 'certificate'), key: pem(`${name}.key`, key, 'key') }
}

/** PEM of that kind, as text or as bytes. */
export function pem(name: string, value: unknown, kind: PemKind): string {
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
    throw invalid(`${name} is PEM, as a string or a Buffer`)
  }
  const text = typeof value === 'string' ? value : Buffer.from(value).toString('latin1')
  const fault = pemFault(text, kind)
  if (fault === undefined) return text
  // What has no second line is most likely the name of a file.
  const isPath = typeof value === 'string' && /^\S.*$/.test(text.trim()) && !text.includes('-----')
  throw invalid(`${name} ${fault}${isPath ? '; give what is in the file, not its name' : ''}`)
}

/** Why a text is no PEM of that kind, to be read behind its name; nothing if it looks like some. */
export function pemFault(text: string, kind: PemKind): string | undefined {
  if (text.trim() === '') return `is empty; ${rule(kind)}`
  const sections = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]{1,40})-----/g)].map(([, label = '']) => label)
  if (sections.length === 0) return `is not PEM; ${rule(kind)}`
  const label = sections.find((one) => WANTED[kind].test(one))
  const isEncrypted = sections.includes('ENCRYPTED PRIVATE KEY') || /^Proc-Type: 4,ENCRYPTED/m.test(text)
  if (kind === 'key' && isEncrypted) return 'is encrypted; only a key without a passphrase can be used'
  if (label === undefined) return `has ${sections[0]}; ${rule(kind)}`
  if (!text.includes(`-----END ${label}-----`)) return `is cut off; there is no line -----END ${label}-----`
  return undefined
}

function rule(kind: PemKind): string {
  return `it is PEM with a section that begins with -----BEGIN ${WRITTEN[kind]}-----`
}
