// What the command line makes of its own ports, of variables without a value, and of certificates that clients object to.

import test from 'ava'
import type { ExecutionContext } from 'ava'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import type { Ended, Running } from './child.ts'
import { root, startNode } from './child.ts'

const CLI = join(root, 'dist/cli/main.js')
const FREE = ['--host', '127.0.0.1', '--port', '0', '--udp-port', '0', '--workers', '1']

function serve(t: ExecutionContext, args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  return startNode(t, [CLI, 'serve', ...args], env)
}

/** What a server prints that starts and is then ended. */
async function startAndEnd(running: Running): Promise<Ended> {
  await running.prints(/^ready /m)
  running.child.kill('SIGTERM')
  return await running.ended
}

async function freePort(): Promise<string> {
  const probe = createTcpServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => probe.once('listening', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return String(port)
}

test.serial('a port that is the server’s own for something else names what has it', async (t) => {
  const port = await freePort()
  const all = [
    '--host',
    '127.0.0.1',
    '--udp-host',
    '127.0.0.1',
    '--workers',
    '1',
    '--port',
    port,
    '--log-level',
    'silent',
  ]
  for (const [args, use] of [
    [['--udp-port', port], ' by media over TCP \\(--tcp-port, which is as --udp-port by default, and may be shared\\)'],
    [['--udp-port', '0', '--turn-port', port], ' by --turn-port'],
  ] as const) {
    const { code, stderr } = await serve(t, [...all, ...args]).ended
    t.is(code, 1)
    t.regex(stderr, new RegExp(`^xrtc: port ${port} is in use${use}; choose another with --port\n$`))
  }
  const shared = await startAndEnd(serve(t, [...all, '--udp-port', port, '--tcp-port', 'shared']))
  t.is(shared.code, 0)
})

test.serial('--tcp-port says all that it may be', async (t) => {
  for (const value of ['banana', '-1', '70000']) {
    const { code, stderr } = await serve(t, [...FREE, `--tcp-port=${value}`]).ended
    t.is(code, 1)
    t.regex(stderr, value === '70000' ? /from 0 to 65535/ : /from 0 to 65535, shared or off/)
  }
})

test.serial('a variable without a value counts as none', async (t) => {
  const names = ['TCP_PORT', 'TURN_PORT', 'TURN_HOST', 'TURN_SECRET', 'ANNOUNCE', 'UDP_HOST', 'INTERFACES', 'LOG_LEVEL']
  const empty = Object.fromEntries([...names, 'HTTPS', 'CERT', 'PULL', 'WEBHOOK'].map((name) => [`XRTC_${name}`, '']))
  const { code, stdout, stderr } = await startAndEnd(serve(t, FREE, empty))
  t.deepEqual([code, stderr.includes('error')], [0, false])
  t.notRegex(stdout, /TURN/)
})

test.serial('a variable that is yes or no is refused if it is neither', async (t) => {
  const { code, stderr } = await serve(t, FREE, { XRTC_HTTPS: 'maybe' }).ended
  t.deepEqual([code, stderr], [1, "xrtc: XRTC_HTTPS is 1 or 0, not 'maybe'\n"])
})

for (const name of ['TOKEN', 'JWKS_URL', 'JWT_SECRET', 'JWT_AUDIENCE', 'JWT_ISSUER']) {
  test.serial(`XRTC_${name} without a value opens no door`, async (t) => {
    const { code, stdout, stderr } = await serve(t, FREE, { [`XRTC_${name}`]: '' }).ended
    t.deepEqual([code, stdout], [1, ''])
    t.regex(stderr, new RegExp(`^xrtc: XRTC_${name} is invalid: .+\n$`))
  })
}

/** Files with a certificate of these dates, signed by itself. */
async function files(t: ExecutionContext, notAfterDate: Date): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'xrtc-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const dates = { notBeforeDate: new Date(0), notAfterDate }
  const pems = await generate([{ name: 'commonName', value: 'a.example' }], { keyType: 'ec', ...dates })
  writeFileSync(join(folder, 'cert.pem'), pems.cert)
  writeFileSync(join(folder, 'key.pem'), pems.private)
  return ['--cert', join(folder, 'cert.pem'), '--key', join(folder, 'key.pem')]
}

test.serial('TURN over TLS with a certificate that browsers do not take is warned of', async (t) => {
  const given = await files(t, new Date(Date.now() + 86_400_000))
  for (const certificate of [['--https'], given]) {
    const { stdout } = await startAndEnd(
      serve(t, [...FREE, ...certificate, '--turn-port', '0', '--turn-tls-port', '0']),
    )
    t.regex(stdout, /^warning: browsers do not use TURN over TLS with a self-signed certificate; --cert /m)
  }
  t.notRegex((await startAndEnd(serve(t, [...FREE, '--https', '--turn-port', '0']))).stdout, /warning/)
})

test.serial('a certificate that is not valid now is warned of, and none for TURN', async (t) => {
  const given = await files(t, new Date(86_400_000))
  t.regex(
    (await startAndEnd(serve(t, [...FREE, ...given]))).stdout,
    /^warning: the certificate of --cert is not valid/m,
  )
  const { code, stdout, stderr } = await serve(t, [...FREE, ...given, '--turn-port', '0', '--turn-tls-port', '0']).ended
  t.deepEqual([code, stdout], [1, ''])
  t.is(stderr, 'xrtc: --turn-tls-port needs a certificate that is valid now: that of --cert is not\n')
})
