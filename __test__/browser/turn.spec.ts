// Browsers that may use relayed candidates only: they reach the server's media by its own TURN server.

import test from 'ava'
import type { Page } from 'puppeteer-core'
import { generate } from 'selfsigned'
import { until } from '../harness.ts'
import { browserStats, live, MEDIA_HOST, newPage, pageShows, startChromium, startSite, type Stats } from './harness.ts'

// Behind a 1:1 NAT that does not lead back what comes from within, nobody would answer at the address that is announced.
const NAT = { announce: ['203.0.113.7'] }

for (const [transport, where, options, type] of [
  ['udp', '', {}, 'relay'],
  ['tcp', '', {}, 'relay'],
  ['tls', '', {}, 'relay'],
  // The media sees the relay from within, so that its address is another one than the client was told.
  ['udp', ' behind a 1:1 NAT', NAT, 'prflx'],
] as const) {
  test.serial(`Chromium publishes and watches through the TURN server by ${transport} alone${where}`, async (t) => {
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec' })
    const turn = { host: MEDIA_HOST, port: 0, tls: { port: 0, cert, key } }
    const { server, url } = await startSite(t, { turn, ...options })
    const idle = await server.held()
    const browser = await startChromium(t, undefined, ['--ignore-certificate-errors'])
    const open = async (path: string): Promise<Page> => {
      const page = await newPage(browser)
      await page.evaluateOnNewDocument(`(${RELAY_ONLY})('${transport}')`)
      await page.goto(`${url}${path}`)
      await live(page)
      return page
    }
    const push = await open('/push/relayed?start=1&size=360')
    const pull = await open('/pull/relayed')
    await pageShows(pull, `document.getElementById('video').currentTime > 2`)
    for (const page of [push, pull]) {
      const { candidateType, relayProtocol } = await selectedLocalCandidate(page)
      t.deepEqual({ candidateType, relayProtocol }, { candidateType: type, relayProtocol: transport })
    }
    const { turn: figures } = await server.getStats()
    t.true((figures?.['bytesToPeers'] ?? 0) > 50_000)
    t.true((figures?.['bytesToClients'] ?? 0) > 50_000)
    t.is(figures?.['peersRefused'], 0)
    t.is(figures?.['sendDropped'], 0)
    const held = await server.held()
    t.true(held.turnAllocations >= 2)
    t.is(held.turnConnections > 0, transport !== 'udp')

    // Closing the connection gives the allocations back.
    for (const page of [push, pull]) {
      await page.evaluate('session.close()')
      await page.close()
    }
    await server.stream('relayed')?.close()
    await until(async () => {
      const { turnAllocations, turnConnections, sockets } = await server.held()
      return turnAllocations === 0 && sockets - turnConnections === idle.sockets
    })
  })
}

/** The local candidate of the pair in use. */
async function selectedLocalCandidate(page: Page): Promise<Stats> {
  const stats = await browserStats(page)
  const transport = stats.find((one) => one.type === 'transport')
  const pair = stats.find((one) => one.id === transport?.['selectedCandidatePairId'])
  const candidate = stats.find((one) => one.id === pair?.['localCandidateId'])
  if (candidate === undefined) throw new Error('no pair is selected')
  return candidate
}

/** Makes every connection of the page use relayed candidates only, and of the TURN server's URLs the wanted one. */
const RELAY_ONLY = `(transport) => {
  const suffix = transport === 'tls' ? /^turns:/ : new RegExp('^turn:.*transport=' + transport)
  const only = (configuration) => ({
    ...configuration,
    iceTransportPolicy: 'relay',
    iceServers: (configuration?.iceServers ?? []).filter(({ urls }) => suffix.test(urls)),
  })
  const { setConfiguration } = RTCPeerConnection.prototype
  RTCPeerConnection.prototype.setConfiguration = function (configuration) {
    return setConfiguration.call(this, only(configuration))
  }
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration) {
      super(only(configuration))
    }
  }
}`
