import test from 'ava'
import type { ExecutionContext } from 'ava'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer as createTcpServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { get, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from 'xrtc'
import { SignJWT } from 'jose'
import type { JWTPayload } from 'jose'
import { generate } from 'selfsigned'
import { listen, offerOf, open, post, until } from '../harness.ts'
import { startFar } from '../remote/far.ts'
import type { Running } from './child.ts'
import { root, startNode } from './child.ts'

const CLI = join(root, 'dist/cli/main.js')
const FREE = ['--host', '127.0.0.1', '--port', '0', '--udp-port', '0', '--workers', '1']

test.serial('serve prints its addresses and ready, serves, and ends cleanly on SIGTERM', async (t) => {
  const running = serve(t, FREE)
  const url = await ready(running)
  t.regex(url, /^http:\/\/127\.0\.0\.1:\d+$/)
  t.is((await fetch(`${url}/`)).status, 200)
  await open(`${url}/whip/lobby`, offerOf('chromium-publish-vp8'))
  running.child.kill('SIGTERM')
  const { code, signal, stdout } = await running.ended
  t.deepEqual({ code, signal }, { code: 0, signal: null })
  for (const line of [/^xrtc \d/m, /^ {2}pages {2}http:/m, /^ {2}WHIP {3}http:.*\/whip\//m, /^ {2}WHEP {3}http:/m]) {
    t.regex(stdout, line)
  }
  t.regex(stdout, /^ {2}media {2}udp [\d.:[\] a-f]+$/m)
})

test.serial('--pull and --push begin at once, with the token', async (t) => {
  const far = await startFar(t, () => ({ status: 404 }))
  const flags = ['--pull', `lobby=${far.url}/whep/x?key=1`, '--push', `other=${far.url}/whip/y`]
  const running = serve(t, [...FREE, ...flags, '--remote-token', 'secret'])
  await ready(running)
  await until(() => far.asked.length > 0)
  t.deepEqual(
    [far.asked[0]?.path, far.asked[0]?.headers.authorization],
    ['/whep/x?key=1', 'Bearer secret'],
    'the stream that is to be pushed is not there yet',
  )
  running.child.kill('SIGTERM')
  t.is((await running.ended).code, 0)
})

for (const name of ['SIGINT', 'SIGHUP'] as const) {
  test.serial(`${name} ends it as well`, async (t) => {
    const running = serve(t, FREE)
    await ready(running)
    running.child.kill(name)
    const { code, signal, stderr } = await running.ended
    t.deepEqual({ code, signal }, { code: 0, signal: null })
    t.regex(stderr, /"server closed"/)
  })
}

test.serial('an open browser connection does not keep it', async (t) => {
  const running = serve(t, FREE)
  const url = await ready(running)
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  t.teardown(() => socket.destroy())
  socket.on('error', () => undefined)
  await new Promise((resolve) => socket.once('connect', resolve))
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n')
  running.child.kill('SIGTERM')
  t.is((await running.ended).code, 0)
})

test.serial('a taken HTTP port is one clear line', async (t) => {
  const taken = createTcpServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  t.teardown(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const { code, stdout, stderr } = await serve(t, [...FREE, '--port', String(port), '--log-level', 'silent']).ended
  t.deepEqual(
    { code, stdout, stderr },
    { code: 1, stdout: '', stderr: `xrtc: port ${port} is in use; choose another with --port\n` },
  )
})

test.serial('a taken UDP port is one clear line', async (t) => {
  const server = await createServer({ workers: 1 })
  t.teardown(() => server.close())
  const { port } = server.workers[0]!.bound[0]!
  const { code, stderr } = await serve(t, [...FREE, '--udp-port', String(port)]).ended
  t.is(code, 1)
  t.regex(stderr, new RegExp(`^xrtc: .*${port} is in use; choose another with --udp-port\n$`))
})

test.serial('media is where --udp-host and --tcp-port say, and a taken TCP port is one clear line', async (t) => {
  const running = serve(t, [...FREE, '--udp-host', '127.0.0.1', '--tcp-port', '0'])
  await ready(running)
  running.child.kill('SIGTERM')
  t.regex((await running.ended).stdout, /^ {2}media {2}udp 127\.0\.0\.1:\d+\n {9}tcp 127\.0\.0\.1:\d+$/m)
  const off = serve(t, [...FREE, '--udp-host', '127.0.0.1', '--tcp-port', 'off'])
  await ready(off)
  off.child.kill('SIGTERM')
  t.notRegex((await off.ended).stdout, /tcp/)

  const taken = createTcpServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  t.teardown(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const { code, stderr } = await serve(t, [...FREE, '--udp-host', '127.0.0.1', '--tcp-port', String(port)]).ended
  t.is(code, 1)
  t.regex(
    stderr,
    new RegExp(
      `^xrtc: TCP .*${port} is in use; choose another with --tcp-port, or share the port of HTTP with --tcp-port shared\n$`,
    ),
  )
})

for (const [args, message] of [
  [['--port', '70000'], /--port.*70000.*is invalid/],
  [['--udp-port', 'x'], /--udp-port/],
  [['--tcp-port', 'none'], /--tcp-port/],
  [['--tcp-port', 'shared'], /--tcp-port shared needs the number/],
  [['--udp-host', 'localhost'], /--udp-host.*IP address/],
  [['--udp-host', '127.0.0.1,127.0.0.2'], /--udp-host.*one of each family/],
  [['--interfaces', 'eth 0'], /--interfaces.*eth\*/],
  [['--workers', '0'], /--workers/],
  [['--host', ''], /--host/],
  [['--pull', 'lobby'], /--pull.*NAME=URL/],
  [['--pull', 'lobby=there'], /--pull.*absolute/],
  [['--pull', '../x=http://127.0.0.1/'], /--pull.*stream name/],
  [['--push', 'lobby=ftp://127.0.0.1/'], /--push.*http/],
  [['--announce', 'a b'], /--announce/],
  [['--ice-server', 'a.example'], /--ice-server.*stun:HOST/],
  [['--ice-server', 'turn:a.example'], /turn:a\.example: a TURN server needs --ice-username and --ice-cred/],
  [['--ice-username', 'a'], /name it with --ice-server/],
  [['--ice-server', 'stun:a.example'], /--ice-server is for streams .* other servers: name them with --pull or --push/],
  [['--remote-token', 'a'], /--remote-token is for streams from and to other servers/],
  [['--ice-transport-policy', 'all'], /--ice-transport-policy is for streams from and to other servers/],
  [['--ice-server', 'turns:a.example', '--ice-username', 'a', '--ice-credential', 'b'], /only UDP is spoken/],
  [['--ice-transport-policy', 'relay'], /--ice-transport-policy relay needs a TURN server: name it with --ice-server/],
  [['--ice-transport-policy', 'none'], /--ice-transport-policy/],
  [['--log-level', 'loud'], /--log-level/],
  [['--token', ''], /--token/],
  [['--token', 'fünf'], /--token is invalid: a token has visible ASCII characters/],
  [['--jwks-url', 'keys'], /--jwks-url.*http or https URL/],
  [['--jwt-secret', 'short'], /--jwt-secret.*32/],
  [['--token', 'a', '--jwks-url', 'https://a.example/keys'], /only one of --token, --jwks-url/],
  [['--jwt-audience', 'media'], /--jwt-audience goes with/],
  [['--turn', 'stun:a.example', '--turn-secret', 'a'], /--turn.*turn:HOST:PORT/],
  [['--turn', 'turn:a.example', '--turn-secret', ''], /--turn-secret.*not be empty/],
  [['--turn', 'turn:a.example'], /--turn and --turn-secret go together/],
  [['--turn-secret', 'a'], /--turn-secret goes with --turn or --turn-port/],
  [['--turn-host', 'a.example'], /--turn-host goes with --turn-port/],
  [['--turn-port', '0', '--turn-host', 'a.example:1'], /--turn-host.*an IP address or a name, without a port\.$/m],
  [['--turn-port', '0', '--turn-tls-port', '0'], /--turn-tls-port needs a certificate/],
  [['--turn-port', '0', '--turn-relay-ports', '9-8'], /--turn-relay-ports.*FIRST-LAST/],
  [['--webhook', 'http://127.0.0.1:1/'], /--webhook and --webhook-secret go together/],
  [['--webhook', 'ftp://a', '--webhook-secret', 'a secret of twenty-four bytes'], /--webhook .*http or https URL/],
  [['--webhook', 'http://a', '--webhook-secret', 'short'], /--webhook-secret.*24 bytes/],
  [
    ['--trust-proxy', 'a.example'],
    /--trust-proxy.*a\.example.*number of proxies, or networks such as [^ ]*, separated by commas\.$/m,
  ],
  [['--public-url', 'media.example'], /--public-url.*Use a URL such as https:\/\/media\.example\/live\.$/m],
  [['--cert', 'x.pem'], /--cert and --key go together/],
  [['--dtls-cert', 'x.pem'], /--dtls-cert and --dtls-key go together/],
  [
    ['--dtls-cert', 'package.json', '--dtls-key', 'package.json'],
    /--dtls-cert: package\.json is not PEM; .* begins with -----BEGIN CERTIFICATE-----$/m,
  ],
  [['--dtls-cert', '/dev/null', '--dtls-key', 'package.json'], /--dtls-cert: \/dev\/null is empty/],
  [
    ['--cert', 'missing.pem', '--key', 'missing.pem'],
    /--cert: missing\.pem cannot be read \(there is no such file or folder\)/,
  ],
  [['--cert', 'ts', '--key', 'ts'], /--cert: ts cannot be read \(it is a folder\)/],
  [['--cert', 'package.json', '--key', 'package.json'], /--cert: package\.json is not PEM/],
  [['--announce', 'nobody.invalid'], /nobody\.invalid/],
  [['--log-file', '/dev/null/x'], /--log-file: \/dev\/null\/x cannot be written \(a part of its path is no folder\)/],
  [['--unknown'], /unknown option '--unknown'; xrtc serve --help lists them/],
  [
    ['--udp-host', '192.0.2.77'],
    /UDP 192\.0\.2\.77:0 is not an address of this machine; choose another with --udp-host/,
  ],
  [['--interfaces', 'nope0,no*'], /--interfaces nope0,no\*: no interface of these names .*; there are .*lo/],
  [['--interfaces', 'lo', '--udp-host', '127.0.0.1'], /--interfaces chooses among all .* --udp-host is one/],
] as const) {
  test.serial(`${args.join(' ')} is refused with one line`, async (t) => {
    const { code, stdout, stderr } = await serve(t, [...FREE, ...args]).ended
    t.is(code, 1)
    t.is(stdout, '')
    t.regex(stderr, message)
    t.is(stderr.trim().split('\n').length, 1, stderr)
  })
}

test.serial(
  'a certificate whose key is another one’s, or not for DTLS, is refused by the names of the files',
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'xrtc-'))
    t.teardown(() => rmSync(folder, { recursive: true }))
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    const [one, other] = await Promise.all([pemsOf('ec'), pemsOf('rsa')])
    writeFileSync(cert, one.cert)
    writeFileSync(key, other.private)
    const runs = [
      serve(t, [...FREE, '--cert', cert, '--key', key]),
      serve(t, [...FREE, '--dtls-cert', cert, '--dtls-key', key]),
    ]
    const [https, dtls] = await Promise.all(runs.map(({ ended }) => ended))
    t.is(
      https?.stderr,
      `xrtc: --cert ${cert} and --key ${key} are not a certificate and its private key (the key is another one’s)\n`,
    )
    t.regex(
      dtls?.stderr ?? '',
      /^xrtc: --dtls-cert \S+cert\.pem and --dtls-key \S+key\.pem: the private key is not an ECDSA key on P-256/,
    )
  },
)

for (const [flag, value] of [
  ['--token', 'hush hush'],
  ['--remote-token', 'hush hush'],
  ['--jwks-url', 'hush'],
  ['--jwt-secret', 'hush'],
  ['--webhook-secret', 'hush'],
  ['--webhook', 'http://user:hush@127.0.0.1/'],
  ['--pull', 'lobby=http://user:hush@127.0.0.1/'],
  ['--push', 'lobby=http://user:hush@127.0.0.1/'],
] as const) {
  test.serial(`${flag} and its variable are refused without their value`, async (t) => {
    const variable = `XRTC_${flag.slice(2).toUpperCase().replaceAll('-', '_')}`
    const runs = [serve(t, [...FREE, flag, value]), serve(t, FREE, { [variable]: value })]
    const ended = await Promise.all(runs.map((run) => run.ended))
    for (const [index, { code, stdout, stderr }] of ended.entries()) {
      t.deepEqual([code, stdout], [1, ''])
      t.regex(stderr, new RegExp(`^xrtc: ${[flag, variable][index]} is invalid: .+\n$`))
      t.notRegex(stderr, /hush/)
    }
  })
}

test.serial('an unknown command is refused by its name, other arguments without it', async (t) => {
  const [command, argument] = [startNode(t, [CLI, 'bogus']), serve(t, [...FREE, '--token', 'hush', 'hush'])]
  const ended = await Promise.all([command.ended, argument.ended])
  t.deepEqual(
    ended.map(({ code, stderr }) => [code, stderr]),
    [
      [1, "xrtc: unknown command 'bogus'; xrtc --help lists them\n"],
      [1, 'xrtc: serve takes flags only; a value with spaces is to be quoted\n'],
    ],
  )
})

test.serial('help says that serve is the default', async (t) => {
  const { code, stdout } = await startNode(t, [CLI, '--help']).ended
  t.is(code, 0)
  t.regex(stdout, /serve .*default/)
})

test.serial('a misspelt flag of a secret is refused without its value', async (t) => {
  const { code, stderr } = await serve(t, [...FREE, "--jwt-secrett=hush's"]).ended
  t.is(code, 1)
  t.regex(stderr, /unknown option '--jwt-secrett'/)
  t.notRegex(stderr, /hush/)
})

test.serial('every flag has an environment variable, and a flag wins', async (t) => {
  const running = serve(t, ['--workers', '1', '--host', '127.0.0.1'], {
    XRTC_HOST: '192.0.2.1',
    XRTC_PORT: '0',
    XRTC_UDP_PORT: '0',
    XRTC_WORKERS: '3',
    XRTC_TOKEN: 'secret',
    XRTC_ANNOUNCE: '203.0.113.7:9000,198.51.100.1',
    XRTC_LOG_LEVEL: 'error',
    XRTC_HTTPS: '0',
  })
  const url = await ready(running)
  const offer = offerOf('chromium-publish-vp8')
  t.is((await post(`${url}/whip/lobby`, offer)).status, 401)
  t.is((await post(`${url}/whip/lobby`, offer, { Authorization: 'Bearer wrong' })).status, 401)
  const { answer } = await open(`${url}/whip/lobby`, offer, { Authorization: 'Bearer secret' })
  t.regex(answer, /203\.0\.113\.7 9000 typ host/)
  t.regex(answer, /198\.51\.100\.1 \d+ typ host/)
  running.child.kill('SIGTERM')
  t.is((await running.ended).stderr, '')
})

test.serial('help names every flag with its variable', async (t) => {
  const { code, stdout } = await startNode(t, [CLI, 'serve', '--help']).ended
  t.is(code, 0)
  const headings = [...stdout.matchAll(/^(\S.*):$/gm)].map(([, heading]) => heading)
  t.deepEqual(headings, [
    'Pages, WHIP and WHEP, over HTTP',
    'Media',
    'Who may do what',
    'STUN and TURN for clients',
    'Streams from and to other servers',
    'Log and events',
    'Options',
  ])
  const flags = [...stdout.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, flag = '']) => flag)
  t.is(flags.length, 38)
  for (const flag of flags) {
    const variable = `XRTC_${flag.slice(2).toUpperCase().replaceAll('-', '_')}`
    t.regex(stdout.replaceAll(/\s+/g, ' '), new RegExp(`${flag} .*env: ${variable}`))
  }
})

test.serial('open to the network without a token and with private addresses only, it warns', async (t) => {
  const all = ['--port', '0', '--udp-port', '0', '--workers', '1']
  const [warned, quiet] = [serve(t, [...all, '--announce', '192.168.1.5']), serve(t, FREE)]
  await Promise.all([ready(warned), ready(quiet)])
  for (const { child } of [warned, quiet]) child.kill('SIGTERM')
  const { stdout } = await warned.ended
  t.regex(stdout, /^warning: everybody.*--token/m)
  t.regex(stdout, /^warning: only private addresses.*--announce/m)
  t.regex(stdout, /^warning: .*--https/m)
  t.notRegex((await quiet.ended).stdout, /warning/)
})

test.serial('--https makes a certificate for this machine', async (t) => {
  const running = serve(t, [...FREE, '--https'])
  const url = await ready(running)
  t.regex(url, /^https:/)
  const names = await new Promise<string>((resolve, reject) => {
    get(`${url}/`, { rejectUnauthorized: false, agent: false }, (response) => {
      const { subjectaltname } = (response.socket as import('node:tls').TLSSocket).getPeerCertificate()
      response.resume()
      resolve(subjectaltname ?? '')
    }).on('error', reject)
  })
  t.regex(names, /DNS:localhost/)
  t.regex(names, /IP Address:127\.0\.0\.1/)
})

test.serial('behind a proxy, and with a receiver of webhooks, which hears of the end too', async (t) => {
  const types: string[] = []
  const receiver = await listen(t, async (request, response) => {
    const body = (await request.toArray()).join('')
    types.push((JSON.parse(body) as { readonly type: string }).type)
    response.end()
  })
  const secret = 'a secret of twenty-four bytes, or more'
  const flags = ['--trust-proxy', '127.0.0.0/8', '--public-url', 'https://media.example/live/']
  const running = serve(t, [...FREE, ...flags, '--webhook', receiver], { XRTC_WEBHOOK_SECRET: secret })
  const url = await ready(running)
  const created = await post(`${url}/whip/lobby`, offerOf('chromium-publish-vp8'))
  t.regex(created.headers.get('location') ?? '', /^https:\/\/media\.example\/live\/whip-session\//)
  running.child.kill('SIGTERM')
  t.is((await running.ended).code, 0)
  t.deepEqual(types.toSorted(), ['peer.added', 'peer.removed', 'stream.added', 'stream.removed'])
})

test.serial('JSON Web Tokens decide, and whom they let in gets TURN credentials', async (t) => {
  const secret = 'a secret of thirty-two bytes, or more'
  const flags = [
    '--jwt-secret',
    secret,
    '--jwt-audience',
    'media',
    '--turn',
    'turn:a.example:3478,turns:a.example:5349',
  ]
  const running = serve(t, [...FREE, ...flags], { XRTC_TURN_SECRET: 'north' })
  const url = await ready(running)
  const bearer = async (claims: JWTPayload): Promise<Record<string, string>> => {
    const token = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(secret))
    return { Authorization: `Bearer ${token}` }
  }
  const offer = offerOf('chromium-publish-vp8')
  const ann = { sub: 'ann', xrtc: { push: 'ann/*' } }
  t.is((await post(`${url}/whip/ann/cam`, offer)).status, 401)
  t.is((await post(`${url}/whip/ann/cam`, offer, await bearer(ann))).status, 401)
  t.is((await post(`${url}/whip/bob/cam`, offer, await bearer({ ...ann, aud: 'media' }))).status, 403)
  const created = await post(`${url}/whip/ann/cam`, offer, await bearer({ ...ann, aud: 'media' }))
  t.is(created.status, 201)
  const links = created.headers.get('link') ?? ''
  t.regex(links, /<turn:a\.example:3478>.*username="\d+:ann"/)
  t.regex(links, /<turns:a\.example:5349>/)
  running.child.kill('SIGTERM')
  await running.ended
})

test.serial('--turn-port runs a TURN server, prints it and tells clients of it', async (t) => {
  const flags = [
    '--https',
    '--turn-port',
    '0',
    '--turn-tls-port',
    '0',
    '--turn-host',
    'turn.example',
    '--turn-relay-ports',
    '50000-50100',
  ]
  const running = serve(t, [...FREE, ...flags])
  const url = await ready(running)
  const links = await new Promise<string>((resolve, reject) => {
    const headers = { 'Content-Type': 'application/sdp' }
    request(`${url}/whip/lobby`, { method: 'POST', rejectUnauthorized: false, agent: false, headers }, (response) => {
      response.resume()
      resolve(String(response.headers['link']))
    })
      .on('error', reject)
      .end(offerOf('chromium-publish-vp8'))
  })
  t.regex(links, /<turn:turn\.example:\d+\?transport=udp>; rel="ice-server"; username="\d+:[\w-]+"/)
  t.regex(links, /<turns:turn\.example:\d+\?transport=tcp>/)
  running.child.kill('SIGTERM')
  t.regex((await running.ended).stdout, /^ {2}TURN {3}turn:turn\.example:\d+\?transport=udp$/m)
})

test.serial('--log-file takes the whole log', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'xrtc-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'deep/er/log.jsonl')
  const running = serve(t, [...FREE, '--log-file', file, '--log-level', 'debug'])
  const url = await ready(running)
  await post(`${url}/whip/lobby?token=secret`, 'garbage')
  running.child.kill('SIGTERM')
  const { code, stderr } = await running.ended
  t.deepEqual({ code, stderr }, { code: 0, stderr: '' })
  const log = readFileSync(file, 'utf8')
  const lines = log
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  t.true(lines.some(({ msg, path, status }) => msg === 'request' && path === '/whip/lobby' && status === 400))
  t.true(lines.some(({ msg }) => msg === 'server closed'))
  t.false(log.includes('secret'))
})

function pemsOf(keyType: 'ec' | 'rsa'): ReturnType<typeof generate> {
  return generate([{ name: 'commonName', value: 'x' }], { keyType })
}

function serve(t: ExecutionContext, args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  return startNode(t, [CLI, 'serve', ...args], env)
}

async function ready(running: Running): Promise<string> {
  const [, url] = await running.prints(/^ready (\S+)\/$/m)
  return url ?? ''
}
