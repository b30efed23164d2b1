// What tests meet: Debian's Chromium, Firefox ESR, iproute2 and nftables for networks of their own, OpenSSL, GnuTLS,
// libsrtp and coturn; installed by apt where they are missing and we may.

import { existsSync } from 'node:fs'
import { run, step, StepError } from './steps.mjs'

const PROGRAMS = [
  {
    name: 'Chromium',
    package: 'chromium',
    variable: 'XRTC_CHROMIUM',
    paths: ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'],
  },
  {
    name: 'Firefox',
    package: 'firefox-esr',
    variable: 'XRTC_FIREFOX',
    paths: ['/usr/bin/firefox-esr', '/usr/bin/firefox'],
  },
  { name: 'iproute2', package: 'iproute2', variable: 'XRTC_IP', paths: ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip'] },
  {
    name: 'nftables',
    package: 'nftables',
    variable: 'XRTC_NFT',
    paths: ['/usr/sbin/nft', '/sbin/nft', '/usr/bin/nft'],
  },
]
/** What the Rust tests run or load, by name. */
const RUST_PROGRAMS = [
  {
    name: 'libsrtp',
    package: 'libsrtp2-1',
    paths: ['x86_64', 'aarch64'].map((machine) => `/usr/lib/${machine}-linux-gnu/libsrtp2.so.1`),
  },
  { name: 'GnuTLS', package: 'gnutls-bin', paths: ['/usr/bin/gnutls-cli'] },
  { name: 'OpenSSL', package: 'openssl', paths: ['/usr/bin/openssl', '/usr/local/bin/openssl'] },
  { name: 'iproute2', package: 'iproute2', paths: ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip'] },
]

/** What the API tests run: coturn, for its server and its client. */
const API_PROGRAMS = [{ name: 'coturn', package: 'coturn', paths: ['/usr/bin/turnutils_uclient'] }]

/** Installs what the Rust tests run or load. */
export function ensureRustPrograms() {
  return ensurePrograms(RUST_PROGRAMS)
}

/** Installs what the API tests run. */
export function ensureApiPrograms() {
  return ensurePrograms(API_PROGRAMS)
}

async function ensurePrograms(programs) {
  const missing = programs.filter(({ paths }) => !paths.some((path) => existsSync(path)))
  if (missing.length > 0) await install(missing)
}

/** Environment variables that name each browser's program; installs what is missing. */
export async function ensureBrowsers() {
  const missing = PROGRAMS.filter((browser) => !find(browser))
  if (missing.length > 0) await install(missing)
  return Object.fromEntries(
    PROGRAMS.map((browser) => {
      const path = find(browser)
      if (!path) throw new StepError(browser.name, `not found; install it, or set ${browser.variable} to its program`)
      return [browser.variable, path]
    }),
  )
}

function find({ variable, paths }) {
  const named = process.env[variable]
  if (named) return existsSync(named) ? named : undefined
  return paths.find((path) => existsSync(path))
}

async function install(browsers) {
  const names = browsers.map((browser) => browser.package)
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new StepError(
      'tests',
      `${names.join(' and ')} missing; install with: sudo apt-get install ${names.join(' ')}`,
    )
  }
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  await step(`install ${names.join(' and ')} by apt`, async () => {
    await run('apt-get', ['update', '-qq'], { capture: true, env })
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...names], { capture: true, env })
  })
}
