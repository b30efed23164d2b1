// Which DTLS browsers and the server speak. Both browsers know 1.3 and send post-quantum ClientHellos without being told to.

import test, { type ExecutionContext } from 'ava'
import type { Browser, Page } from 'puppeteer-core'
import { DtlsRelay } from './dtls-relay.ts'
import {
  browserStats,
  live,
  newPage,
  number,
  pageShows,
  pick,
  startChromium,
  startFirefox,
  startSite,
  type Site,
  type Stats,
} from './harness.ts'

const NOT_POST_QUANTUM = '--disable-features=WebRtcPqcForDtls'
/** The key share of X25519MLKEM768: 1,184 bytes of ML-KEM and 32 of X25519 (draft-ietf-tls-ecdhe-mlkem). */
const POST_QUANTUM_SHARE = 1_216

const CLIENTS = {
  'Chromium with a post-quantum ClientHello': {
    start: (t) => startChromium(t, undefined, []),
    isPostQuantum: true,
    // As a 1.3 server we take the client's first profile.
    firstSrtpProfile: 'SRTP_AES128_CM_HMAC_SHA1_80',
  },
  'Chromium with a small ClientHello': {
    start: (t) => startChromium(t, undefined, [NOT_POST_QUANTUM]),
    isPostQuantum: false,
    firstSrtpProfile: 'SRTP_AES128_CM_HMAC_SHA1_80',
  },
  'Firefox with a post-quantum ClientHello': {
    start: startFirefox,
    isPostQuantum: true,
    firstSrtpProfile: 'SRTP_AEAD_AES_128_GCM',
  },
} satisfies Record<string, Client>

interface Client {
  readonly start: (t: ExecutionContext) => Promise<Browser>
  readonly isPostQuantum: boolean
  readonly firstSrtpProfile: string
}

for (const [name, client] of Object.entries<Client>(CLIENTS)) {
  test.serial(`E71: ${name} speaks DTLS 1.3 with a server that allows it`, async (t) => {
    await publishAndPlay(t, client, 'auto', {
      tlsVersion: 'FEFC',
      dtlsCipher: 'TLS_AES_128_GCM_SHA256',
      srtpCipher: client.firstSrtpProfile,
    })
  })

  test.serial(`E71: ${name} speaks DTLS 1.2 with a server that allows nothing else`, async (t) => {
    await publishAndPlay(t, client, '1.2', {
      tlsVersion: 'FEFD',
      dtlsCipher: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
      srtpCipher: 'SRTP_AEAD_AES_256_GCM',
    })
  })
}

interface Used {
  readonly tlsVersion: string
  readonly dtlsCipher: string
  readonly srtpCipher: string
}

async function publishAndPlay(
  t: ExecutionContext,
  { start, isPostQuantum }: Client,
  dtlsVersion: 'auto' | '1.2',
  used: Used,
): Promise<void> {
  const { site, relay, pages } = await openBoth(t, await start(t), dtlsVersion)
  for (const page of pages) {
    const { tlsVersion, dtlsCipher, srtpCipher, dtlsRole } = transport(await browserStats(page))
    t.deepEqual({ tlsVersion, dtlsCipher, srtpCipher, dtlsRole }, { ...used, dtlsRole: 'client' })
  }
  const peers = site.server.peers()
  t.is(peers.length, pages.length)
  for (const peer of peers) {
    const report: Iterable<object> = (await peer.getStats()).values()
    t.is(transport(report as Iterable<Stats>)['srtpCipher'], used.srtpCipher)
  }
  t.is(relay.heard().length, pages.length)
  for (const { hellos, pieces, unified } of relay.heard()) {
    t.is(unified, dtlsVersion === 'auto')
    // The X25519 share beside the post-quantum one is taken at once, so that no HelloRetryRequest asks for another hello.
    t.deepEqual([...hellos.keys()], [0])
    t.is((hellos.get(0) ?? 0) > POST_QUANTUM_SHARE, isPostQuantum, `a hello of ${hellos.get(0)} bytes`)
    t.is(pieces.size > 1, isPostQuantum, `in pieces at ${[...pieces].join()}`)
  }
}

interface Scene {
  readonly site: Site
  readonly relay: DtlsRelay
  readonly pages: readonly Page[]
}

/** Publishes and plays through a relay, until frames were decoded. */
async function openBoth(t: ExecutionContext, browser: Browser, dtlsVersion: 'auto' | '1.2'): Promise<Scene> {
  const site = await startSite(t, { dtlsVersion })
  const [address] = site.server.workers[0]?.candidates ?? []
  if (address === undefined) throw new Error('the server offers no address')
  const relay = await DtlsRelay.start(t, address)
  const open = async (path: string): Promise<Page> => {
    const page = await newPage(browser)
    await relay.standIn(page)
    await page.goto(`${site.url}${path}`)
    await live(page)
    return page
  }
  const push = await open('/push/dtls?start=1&size=360&codec=VP8')
  const pull = await open('/pull/dtls')
  await pageShows(pull, `document.getElementById('video').currentTime > 1`)
  t.true(number(pick(await browserStats(pull), 'inbound-rtp', 'video'), 'framesDecoded') > 0)
  return { site, relay, pages: [push, pull] }
}

function transport(stats: Iterable<Stats>): Stats {
  for (const one of stats) if (one.type === 'transport') return one
  throw new Error('no transport')
}
