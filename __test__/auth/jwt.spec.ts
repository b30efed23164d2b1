import test from 'ava'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { SignJWT, exportJWK } from 'jose'
import type { JWTPayload } from 'jose'
import { jwtAuthorize } from 'xrtc'
import type { AuthorizeContext, JwtAuthorizeOptions, SignalingRequest } from 'xrtc'
import { listen, offerOf, open, post, startSite } from '../harness.ts'

const PUBLISH = offerOf('chromium-publish-vp8')
const SECRET = 'a secret of thirty-two bytes, or more'
const PUSH: AuthorizeContext = { action: 'push', stream: 'ann/cam' }
const ALL = { push: ['**'], pull: ['**'], list: true }

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ed = generateKeyPairSync('ed25519')
const pem = (key: typeof rsa.publicKey): string => key.export({ type: 'spki', format: 'pem' }).toString()

interface Signing {
  readonly alg?: string
  readonly key?: Parameters<SignJWT['sign']>[0]
  readonly kid?: string
  readonly expires?: Date | undefined
}

function sign(claims: JWTPayload, { alg = 'HS256', key, kid, expires }: Signing = {}): Promise<string> {
  const jwt = new SignJWT(claims).setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) })
  if (expires !== undefined) jwt.setExpirationTime(expires)
  return jwt.sign(key ?? Buffer.from(SECRET))
}

function requestWith(token: string | undefined): SignalingRequest {
  return { method: 'POST', url: '/whip/ann/cam', headers: {}, token, remoteAddress: '127.0.0.1' }
}

async function ask(options: JwtAuthorizeOptions, token: string | undefined, context = PUSH): Promise<unknown> {
  return await jwtAuthorize(options)(requestWith(token), context)
}

const inOneHour = (): Date => new Date(Date.now() + 3_600_000)

test('sub is the identity, and exp the end of the session', async (t) => {
  const exp = Math.floor(Date.now() / 1_000) + 60
  const token = await sign({ sub: 'ann', exp, xrtc: ALL })
  const grant = (await ask({ secret: SECRET, clockToleranceSeconds: 0 }, token)) as {
    readonly identity: string
    readonly limits: { readonly expiresInMs: number }
  }
  t.is(grant.identity, 'ann')
  t.true(grant.limits.expiresInMs > 50_000 && grant.limits.expiresInMs <= 60_000)
  t.deepEqual(await ask({ secret: SECRET }, await sign({ xrtc: ALL })), {})
})

const permissions: readonly [permission: unknown, context: AuthorizeContext, allowed: boolean][] = [
  [{ push: 'ann/cam' }, PUSH, true],
  [{ push: ['bob/*', 'ann/*'] }, PUSH, true],
  [{ push: ['*'] }, PUSH, false],
  [{ push: ['**'] }, PUSH, true],
  [{ push: ['ann/**'] }, PUSH, true],
  [{ push: ['ann/cam/**'] }, PUSH, false],
  [{ push: ['ann'] }, PUSH, false],
  [{ push: ['*/*'] }, PUSH, true],
  [{ push: ['**/cam'] }, PUSH, false],
  [{ pull: ['**'] }, PUSH, false],
  [{ pull: ['**'] }, { action: 'pull', stream: 'a' }, true],
  [{ push: ['ann/*'] }, { action: 'push', stream: 'ann/cam/2' }, false],
  [{ push: ['ann/**'] }, { action: 'push', stream: 'ann/cam/2' }, true],
  [{ push: ['a.n/cam', 'ann/c+'] }, PUSH, false],
  [{ list: true }, { action: 'list', stream: undefined }, true],
  [{ list: 'yes' }, { action: 'list', stream: undefined }, false],
  [{ push: ['**'] }, { action: 'list', stream: undefined }, false],
  [{ push: [7, null] }, PUSH, false],
  [{}, PUSH, false],
  ['**', PUSH, false],
  [null, PUSH, false],
  [undefined, PUSH, false],
]

for (const [permission, context, allowed] of permissions) {
  const what = `${context.action} ${context.stream ?? ''}`.trim()
  test(`${JSON.stringify(permission)} ${allowed ? 'allows' : 'does not allow'} ${what}`, async (t) => {
    const token = await sign({ xrtc: permission })
    t.deepEqual(await ask({ secret: SECRET }, token, context), allowed ? {} : 'forbidden')
  })
}

const refused: readonly [
  what: string,
  token: () => Promise<string | undefined> | undefined | string,
  JwtAuthorizeOptions?,
][] = [
  ['no token', () => undefined],
  ['a text that is no token', () => 'secret'],
  ['a token of another secret', () => sign({ xrtc: ALL }, { key: Buffer.from('x'.repeat(32)) })],
  ['an expired token', () => sign({ xrtc: ALL, exp: 1_000_000 })],
  ['a token that is not valid yet', () => sign({ xrtc: ALL, nbf: 4_000_000_000 })],
  [
    'a token without a signature',
    () =>
      ['{"alg":"none"}', JSON.stringify({ xrtc: ALL })]
        .map((part) => Buffer.from(part).toString('base64url'))
        .concat('')
        .join('.'),
  ],
  ['a token for others', () => sign({ xrtc: ALL, aud: 'shop' }), { secret: SECRET, audience: ['media', 'tv'] }],
  ['a token of no audience', () => sign({ xrtc: ALL }), { secret: SECRET, audience: 'media' }],
  ['a token of another issuer', () => sign({ xrtc: ALL, iss: 'b' }), { secret: SECRET, issuer: 'a' }],
  ['an algorithm that is not asked for', () => sign({ xrtc: ALL }), { secret: SECRET, algorithms: ['HS512'] }],
  [
    'HMAC by a public key',
    () => sign({ xrtc: ALL }, { key: Buffer.from(pem(rsa.publicKey)) }),
    { publicKey: pem(rsa.publicKey) },
  ],
  [
    'another kind of key',
    () => sign({ xrtc: ALL }, { alg: 'ES256', key: ec.privateKey }),
    { publicKey: pem(rsa.publicKey) },
  ],
]

for (const [what, token, options = { secret: SECRET }] of refused) {
  test(`${what} is refused`, async (t) => {
    t.is(await ask(options, await token()), false)
  })
}

test('clocks may differ a little, and the session has as much longer', async (t) => {
  const exp = Math.floor(Date.now() / 1_000) - 3
  t.is(await ask({ secret: SECRET, clockToleranceSeconds: 1 }, await sign({ xrtc: ALL, exp })), false)
  const grant = (await ask({ secret: SECRET, clockToleranceSeconds: 30 }, await sign({ xrtc: ALL, exp }))) as {
    readonly limits: { readonly expiresInMs: number }
  }
  t.true(grant.limits.expiresInMs > 20_000 && grant.limits.expiresInMs <= 30_000)
})

const pairs = { RS256: rsa, PS512: rsa, ES256: ec, EdDSA: ed, Ed25519: ed }
for (const [alg, { publicKey, privateKey }] of Object.entries(pairs)) {
  test(`a token signed by ${alg} is verified by its public key, as PEM and as JWK`, async (t) => {
    const token = await sign(
      { sub: 'ann', xrtc: ALL, aud: 'media', iss: 'a' },
      { alg, key: privateKey, expires: inOneHour() },
    )
    const rules = { audience: 'media', issuer: ['a', 'b'] }
    const jwk = { ...(await exportJWK(createPublicKey(privateKey))) }
    t.like(await ask({ publicKey: pem(publicKey), ...rules }, token), { identity: 'ann' })
    t.like(await ask({ publicKey: jwk, ...rules }, token), { identity: 'ann' })
  })
}

test('keys come from a key set, once, and by their names', async (t) => {
  let asked = 0
  const keys = [
    { ...(await exportJWK(rsa.publicKey)), kid: 'one' },
    { ...(await exportJWK(ec.publicKey)), kid: 'two' },
  ]
  const jwksUrl = await listen(t, (_, response) => {
    asked += 1
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ keys }))
  })
  const authorize = jwtAuthorize({ jwksUrl })
  const one = await sign({ sub: 'ann', xrtc: ALL }, { alg: 'RS256', key: rsa.privateKey, kid: 'one' })
  const two = await sign({ sub: 'bob', xrtc: ALL }, { alg: 'ES256', key: ec.privateKey, kid: 'two' })
  const three = await sign({ xrtc: ALL }, { alg: 'ES256', key: ec.privateKey, kid: 'three' })
  t.deepEqual(await authorize(requestWith(one), PUSH), { identity: 'ann' })
  t.deepEqual(await authorize(requestWith(two), PUSH), { identity: 'bob' })
  t.is(await authorize(requestWith(three), PUSH), false)
  t.is(asked, 1)
})

test('a key set that cannot be had is 500 and told of, not the client’s fault', async (t) => {
  const closed = createHttpServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as { readonly port: number }
  await new Promise((resolve) => closed.close(resolve))
  const failing = await listen(t, (_, response) => void response.writeHead(503).end())
  for (const jwksUrl of [`http://127.0.0.1:${port}/keys`, failing]) {
    const { url, server } = await startSite(t, { authorize: jwtAuthorize({ jwksUrl }) })
    const told = once(server, 'listenererror')
    const token = await sign({ xrtc: ALL }, { alg: 'RS256', key: rsa.privateKey })
    t.is((await post(`${url}/whip/lobby`, PUBLISH, { Authorization: `Bearer ${token}` })).status, 500)
    await told
  }
})

test('over HTTP: 401, 403, 201, PATCH and DELETE, and the end at exp', async (t) => {
  const { url, server } = await startSite(t, {
    authorize: jwtAuthorize({ secret: SECRET, claim: 'media', clockToleranceSeconds: 0 }),
  })
  const bearer = async (claims: JWTPayload): Promise<Record<string, string>> => ({
    Authorization: `Bearer ${await sign(claims)}`,
  })
  t.is((await post(`${url}/whip/ann/cam`, PUBLISH)).status, 401)
  const viewer = await bearer({ sub: 'bob', media: { pull: ['**'] } })
  t.is((await post(`${url}/whip/ann/cam`, PUBLISH, viewer)).status, 403)
  const publisher = await bearer({ sub: 'ann', media: { push: ['ann/*'] } })
  const { session } = await open(`${url}/whip/ann/cam`, PUBLISH, publisher)
  t.is(server.stream('ann/cam')?.publisher?.identity, 'ann')
  t.is((await fetch(session, { method: 'DELETE' })).status, 401)
  t.is((await fetch(session, { method: 'DELETE', headers: viewer })).status, 403)
  t.is((await fetch(session, { method: 'DELETE', headers: publisher })).status, 200)

  const exp = Math.floor(Date.now() / 1_000) + 2
  const ended = new Promise((resolve) => {
    server.once('peeradded', ({ peer }) => peer.once('closed', resolve))
  })
  await open(`${url}/whip/ann/cam`, PUBLISH, await bearer({ sub: 'ann', exp, media: { push: ['ann/*'] } }))
  t.deepEqual(await ended, { reason: 'expired', detail: 'the permission expired' })
  t.true(Date.now() >= exp * 1_000 - 50)
})

const wrong: readonly [what: string, options: object][] = [
  ['no key', {}],
  ['two keys', { secret: SECRET, jwksUrl: 'https://a.example' }],
  ['a short secret', { secret: 'short' }],
  ['a key that is none', { publicKey: 'PEM' }],
  ['a JWK that is none', { publicKey: { kty: 'RSA' } }],
  ['a key for other uses', { publicKey: pem(generateKeyPairSync('x25519').publicKey) }],
  ['a file of keys', { jwksUrl: 'file:///keys' }],
  ['a misspelt option', { secret: SECRET, issuers: 'a' }],
  ['a tolerance of years', { secret: SECRET, clockToleranceSeconds: 1e9 }],
  ['the algorithm none', { secret: SECRET, algorithms: ['none'] }],
  ['an algorithm of another kind of key', { secret: SECRET, algorithms: ['HS256', 'RS256'] }],
  ['HMAC by public keys', { jwksUrl: 'https://a.example', algorithms: ['HS256'] }],
  ['no algorithm at all', { secret: SECRET, algorithms: [] }],
  ['algorithms that are no list', { secret: SECRET, algorithms: 'HS256' }],
]

for (const [what, options] of wrong) {
  test(`jwtAuthorize refuses ${what}`, (t) => {
    t.throws(() => jwtAuthorize(options), { code: 'XRTC_INVALID_ARGUMENT' })
  })
}
