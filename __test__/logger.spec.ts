import test from 'ava'
import { createServer, InvalidArgumentError } from 'xrtc'
import type { Logger } from 'xrtc'
import { offerOf, open, post, startServer, startSite } from './harness.ts'
import { runModule } from './process/child.ts'

const SILENT: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const CALLS = ['debug', 'info', 'warn', 'error'] as const

for (const call of CALLS) {
  test(`a logger without ${call} is refused before anything starts`, async (t) => {
    const error = await t.throwsAsync(
      () => createServer({ workers: 1, logger: { ...SILENT, [call]: undefined } as never }),
      { instanceOf: InvalidArgumentError },
    )
    t.regex(error.message, new RegExp(`logger.*${call}`))
  })
}

test('no object is no logger', async (t) => {
  for (const logger of [null, 'console', 1]) {
    await t.throwsAsync(() => createServer({ workers: 1, logger: logger as never }), { code: 'XRTC_INVALID_ARGUMENT' })
  }
})

test.serial('the process ends by itself after a logger was refused', async (t) => {
  const { code, stdout } = await runModule(
    t,
    `import { createServer } from 'xrtc'
     await createServer({ workers: 1, logger: {} }).catch(({ code }) => console.log(code))`,
  )
  t.deepEqual({ code, stdout }, { code: 0, stdout: 'XRTC_INVALID_ARGUMENT\n' })
})

const throws = (): never => {
  throw new Error('the disk is full')
}
const rejects = (): Promise<never> => Promise.reject(new Error('the disk is full'))

for (const [what, call] of [
  ['throws', throws],
  ['gives promises that are rejected', rejects],
] as const) {
  test(`a logger that ${what} breaks nothing and is told of once`, async (t) => {
    const logger: Logger = { debug: call, info: call, warn: call, error: call }
    const { server, url } = await startSite(t, {}, { logger })
    const told: { readonly error: unknown; readonly event: string }[] = []
    server.on('listenererror', (event) => told.push(event))
    await open(`${url}/whip/lobby`, offerOf('chromium-publish-vp8'))
    t.is((await post(`${url}/whip/lobby`, 'nonsense')).status, 400)
    await server.close()
    t.deepEqual(
      told.map(({ error, event }) => [(error as Error).message, event]),
      [['the disk is full', 'log']],
    )
  })
}

test('a listener that throws is still told of once when the logger throws too', async (t) => {
  const server = await startServer(t, { logger: { ...SILENT, error: throws } })
  const told: string[] = []
  server.on('listenererror', ({ event }) => {
    told.push(event)
    throw new Error('nor this one')
  })
  server.once('peeradded', throws)
  await server.push('lobby', { offer: offerOf('chromium-publish-vp8') })
  t.deepEqual(told, ['log', 'peeradded'])
})
