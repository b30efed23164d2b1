import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { XrtcErrNo } from 'xrtc'
import type { AuthorizeContext, Held, SignalingOptions } from 'xrtc'
import type { Site } from '../harness.ts'
import { answerTo, listen, offerOf, open, startServer, startSite } from '../harness.ts'

const LARGEST = '18446744073709551615'
const MEDIA = { audio: '1', video: '1' }

interface Reply {
  readonly errNo: number
  readonly errMsg: string
  readonly code: number
  readonly msg: string
  readonly data?: { readonly type?: string; readonly sdp?: string; readonly iceServers?: unknown }
}

const start = (t: ExecutionContext, options: SignalingOptions = {}): Promise<Site> =>
  startSite(t, { xrtc: true, ...options })

async function ask(site: Pick<Site, 'url'>, action: string, fields: Record<string, string>): Promise<Reply> {
  const response = await fetch(`${site.url}/signaling/${action}`, {
    method: 'POST',
    body: new URLSearchParams(fields),
  })
  return (await response.json()) as Reply
}

/** Pushes and answers, as the course's page does. */
async function push(site: Site, fields: Record<string, string>): Promise<Reply> {
  const { data } = await ask(site, 'push', { ...MEDIA, ...fields })
  return await ask(site, 'sendanswer', { ...fields, type: 'push', answer: answerTo(data?.sdp ?? '') })
}

test('push gives an offer to receive, and its answer needs no candidates', async (t) => {
  const site = await start(t)
  const reply = await ask(site, 'push', { uid: '7', streamName: 'room/1', ...MEDIA, isDtls: '1' })
  t.like(reply, { errNo: 0, errMsg: 'success', code: 0, msg: 'success' })
  const { type, sdp = '' } = reply.data ?? {}
  t.is(type, 'offer')
  t.deepEqual(sdp.match(/^m=\w+/gm), ['m=audio', 'm=video'])
  t.is(sdp.match(/^a=recvonly\r$/gm)?.length, 2)
  for (const line of ['111 opus/48000/2', '96 H264/90000', '97 rtx/90000', '98 VP8/90000']) {
    t.true(sdp.includes(`a=rtpmap:${line}\r\n`), line)
  }
  t.regex(sdp, /^a=fmtp:97 apt=96\r$/m)
  t.regex(sdp, /^a=candidate:/m)
  const answer = answerTo(sdp)
  t.notRegex(answer, /a=candidate/)
  const answered = await ask(site, 'sendanswer', { uid: '7', streamName: 'room/1', type: 'push', answer })
  t.deepEqual(answered, { errNo: 0, errMsg: 'success', code: 0, msg: 'success', data: {} })
  t.is(site.server.stream('room/1')?.publisher?.identity, 'uid:7')
  t.is(site.signaling.sessionCount, 1)
})

test('pull gives an offer to send what is live', async (t) => {
  const site = await start(t)
  await push(site, { uid: '1', streamName: 'lobby' })
  const { data } = await ask(site, 'pull', { uid: '1', streamName: 'lobby', ...MEDIA })
  t.is(data?.type, 'offer')
  t.is(data?.sdp?.match(/^a=sendonly\r$/gm)?.length, 2)
  const answer = answerTo(data?.sdp ?? '')
  t.is((await ask(site, 'sendanswer', { uid: '1', streamName: 'lobby', type: 'pull', answer })).errNo, 0)
  t.is(site.server.stream('lobby')?.viewers.length, 1)
})

test('parameters may stand in the query, and those of the form go first', async (t) => {
  const { url } = await start(t)
  const response = await fetch(`${url}/signaling/push?uid=0&streamName=lobby&audio=1`, {
    method: 'POST',
    body: new URLSearchParams({ uid: LARGEST }),
  })
  t.is(response.headers.get('content-type'), 'application/json')
  t.is(response.headers.get('access-control-allow-origin'), '*')
  const { errNo, data } = (await response.json()) as Reply
  t.is(errNo, 0)
  t.deepEqual(data?.sdp?.match(/^m=\w+/gm), ['m=audio'])
})

test('a uid of 64 bits is kept without loss', async (t) => {
  const asked: AuthorizeContext[] = []
  const site = await start(t, { authorize: (_, context) => asked.push(context) > 0 })
  await push(site, { uid: LARGEST, streamName: 'lobby' })
  t.deepEqual(asked[0], { action: 'push', stream: 'lobby', uid: 2n ** 64n - 1n })
  t.is(site.server.stream('lobby')?.publisher?.identity, `uid:${LARGEST}`)
  // The number next to it is somebody else.
  const stop = await ask(site, 'stoppush', { uid: '18446744073709551614', streamName: 'lobby' })
  t.is(stop.errNo, XrtcErrNo.sessionNotFound)
  t.is((await ask(site, 'stoppush', { uid: LARGEST, streamName: 'lobby' })).errNo, 0)
})

for (const [name, action, fields, errNo] of [
  ['no uid', 'push', { streamName: 'a', ...MEDIA }, XrtcErrNo.invalidParameter],
  ['uid 0', 'push', { uid: '0', streamName: 'a', ...MEDIA }, XrtcErrNo.invalidParameter],
  ['a negative uid', 'push', { uid: '-1', streamName: 'a', ...MEDIA }, XrtcErrNo.invalidParameter],
  ['a uid of 65 bits', 'push', { uid: '18446744073709551616', streamName: 'a', ...MEDIA }, XrtcErrNo.invalidParameter],
  ['a uid in hexadecimal', 'push', { uid: '0x1', streamName: 'a', ...MEDIA }, XrtcErrNo.invalidParameter],
  ['no streamName', 'pull', { uid: '1', ...MEDIA }, XrtcErrNo.invalidParameter],
  ['a streamName with ..', 'pull', { uid: '1', streamName: '../a', ...MEDIA }, XrtcErrNo.invalidParameter],
  ['neither audio nor video', 'push', { uid: '1', streamName: 'a', audio: '0' }, XrtcErrNo.invalidParameter],
  ['isDtls=0', 'push', { uid: '1', streamName: 'a', ...MEDIA, isDtls: '0' }, XrtcErrNo.dtlsRequired],
  ['nobody who pushes', 'pull', { uid: '1', streamName: 'a', ...MEDIA }, XrtcErrNo.streamNotFound],
  ['no answer', 'sendanswer', { uid: '1', streamName: 'a', type: 'push' }, XrtcErrNo.invalidParameter],
  ['no type', 'sendanswer', { uid: '1', streamName: 'a', answer: 'v=0' }, XrtcErrNo.invalidParameter],
  ['no offer', 'sendanswer', { uid: '1', streamName: 'a', answer: 'v=0', type: 'push' }, XrtcErrNo.sessionNotFound],
  ['no push', 'stoppush', { uid: '1', streamName: 'a' }, XrtcErrNo.sessionNotFound],
  ['no pull', 'stoppull', { uid: '1', streamName: 'a' }, XrtcErrNo.sessionNotFound],
] as const) {
  test(`${action} with ${name} is errNo ${errNo}, and leaves nothing`, async (t) => {
    const site = await start(t)
    const response = await fetch(`${site.url}/signaling/${action}`, {
      method: 'POST',
      body: new URLSearchParams(fields),
    })
    t.is(response.status, 200)
    const reply = (await response.json()) as Reply
    t.is(reply.errNo, errNo, reply.errMsg)
    t.is(reply.code, errNo)
    t.true(reply.msg.length > 10)
    t.deepEqual(site.server.peers(), [])
  })
}

test('an answer that is none is refused, and the right one may follow', async (t) => {
  const site = await start(t)
  const who = { uid: '1', streamName: 'lobby' }
  const { data } = await ask(site, 'push', { ...who, ...MEDIA })
  const answer = answerTo(data?.sdp ?? '')
  t.is((await ask(site, 'sendanswer', { ...who, type: 'push', answer: 'hello' })).errNo, XrtcErrNo.invalidAnswer)
  const rejected = answer.replaceAll(/^m=(\w+) 9/gm, 'm=$1 0')
  t.is((await ask(site, 'sendanswer', { ...who, type: 'push', answer: rejected })).errNo, XrtcErrNo.unsupportedAnswer)
  t.is((await ask(site, 'sendanswer', { ...who, type: 'pull', answer })).errNo, XrtcErrNo.sessionNotFound)
  t.is((await ask(site, 'sendanswer', { ...who, type: 'push', answer })).errNo, 0)
  t.is((await ask(site, 'sendanswer', { ...who, type: 'push', answer })).errNo, XrtcErrNo.noAnswerAwaited)
})

test('a stream that another uid pushes is refused, or taken over by option', async (t) => {
  const refusing = await start(t)
  await push(refusing, { uid: '1', streamName: 'lobby' })
  const { errNo } = await ask(refusing, 'push', { uid: '2', streamName: 'lobby', ...MEDIA })
  t.is(errNo, XrtcErrNo.streamInUse)
  const replacing = await start(t, { xrtc: { replace: true } })
  await push(replacing, { uid: '1', streamName: 'lobby' })
  const first = replacing.server.stream('lobby')!.publisher!
  t.is((await push(replacing, { uid: '2', streamName: 'lobby' })).errNo, 0)
  t.is(first.closeReason, 'publisherReplaced')
  t.is(replacing.signaling.sessionCount, 1)
})

test('the same uid replaces its own push when it answers, and its own pull at once', async (t) => {
  const site = await start(t)
  const who = { uid: '5', streamName: 'lobby' }
  await push(site, who)
  const first = site.server.stream('lobby')!.publisher!
  await ask(site, 'push', { ...who, ...MEDIA })
  t.false(first.closed)
  t.is(site.signaling.sessionCount, 2)
  // An offer that was not answered is given up for the next one.
  t.is((await push(site, who)).errNo, 0)
  t.is(first.closeReason, 'publisherReplaced')
  t.is(site.signaling.sessionCount, 1)

  await ask(site, 'pull', { ...who, ...MEDIA })
  const [viewer] = site.server.stream('lobby')!.viewers
  const closed = once(viewer!, 'closed')
  await ask(site, 'pull', { ...who, ...MEDIA })
  await closed
  t.is(site.server.stream('lobby')!.viewers.length, 1)
})

test('to stop what is over already is a success, as often as one likes', async (t) => {
  const site = await start(t)
  const who = { uid: '5', streamName: 'lobby' }
  await push(site, who)
  await site.server.stream('lobby')!.publisher!.close()
  t.is((await ask(site, 'stoppush', who)).errNo, 0)
  t.is((await ask(site, 'stoppush', who)).errNo, 0)
  t.is((await ask(site, 'stoppull', who)).errNo, XrtcErrNo.sessionNotFound)
})

test('a session without an answer is reaped, and says so', async (t) => {
  const site = await startSite(t, { xrtc: true }, { answerTimeoutMs: 1_000 })
  const empty = await site.server.held()
  const { data } = await ask(site, 'push', { uid: '5', streamName: 'lobby', ...MEDIA })
  const [peer] = site.server.peers()
  await once(peer!, 'closed')
  t.is(peer!.closeReason, 'answerTimeout')
  const answer = answerTo(data?.sdp ?? '')
  const late = await ask(site, 'sendanswer', { uid: '5', streamName: 'lobby', type: 'push', answer })
  t.like(late, { errNo: XrtcErrNo.sessionNotFound, errMsg: 'the session is over: answerTimeout' })
  t.deepEqual(await site.server.held(), empty)
})

test('five times push, answer and stop leave nothing', async (t) => {
  const site = await start(t)
  const empty: Held = await site.server.held()
  for (let round = 0; round < 5; round += 1) {
    const who = { uid: '5', streamName: 'lobby' }
    t.is((await push(site, who)).errNo, 0)
    await ask(site, 'pull', { ...who, ...MEDIA })
    t.is((await ask(site, 'stoppull', who)).errNo, 0)
    t.is((await ask(site, 'stoppush', who)).errNo, 0)
  }
  if (site.server.streams().length > 0) await once(site.server, 'streamremoved')
  t.deepEqual(await site.server.held(), empty)
})

test('authorize is asked for every action, and keeps people with one uid apart', async (t) => {
  const asked: string[] = []
  const site = await start(t, {
    authorize: ({ token }, { action }) => {
      asked.push(`${action} ${token}`)
      if (token === undefined) return false
      return token === 'eve' && action === 'push' ? 'forbidden' : { identity: token }
    },
  })
  const who = { uid: '1', streamName: 'lobby' }
  const refused = await fetch(`${site.url}/signaling/push`, {
    method: 'POST',
    body: new URLSearchParams({ ...who, ...MEDIA }),
  })
  t.is(refused.status, 401)
  t.is(refused.headers.get('www-authenticate'), 'Bearer realm="xrtc"')
  t.is(((await refused.json()) as Reply).errNo, XrtcErrNo.unauthorized)
  t.is((await ask(site, 'push', { ...who, ...MEDIA, token: 'eve' })).errNo, XrtcErrNo.forbidden)
  t.is((await push(site, { ...who, token: 'ann' })).errNo, 0)
  t.is(site.server.stream('lobby')?.publisher?.identity, 'ann')
  t.is((await ask(site, 'stoppush', { ...who, token: 'bob' })).errNo, XrtcErrNo.sessionNotFound)
  t.is((await ask(site, 'stoppush', { ...who, token: 'ann' })).errNo, 0)
  t.deepEqual(asked, ['push undefined', 'push eve', 'push ann', 'push ann', 'push bob', 'push ann'])
})

test('a grant’s ICE servers come with the offer, and a redirect is 307', async (t) => {
  const iceServers = [{ urls: 'stun:stun.example.com' }]
  const granting = await start(t, { authorize: () => ({ iceServers }) })
  t.deepEqual((await ask(granting, 'push', { uid: '1', streamName: 'a', ...MEDIA })).data?.iceServers, iceServers)
  const sending = await start(t, { authorize: () => ({ redirect: '/elsewhere' }) })
  const response = await fetch(`${sending.url}/signaling/push?uid=1&streamName=a&audio=1`, {
    method: 'POST',
    redirect: 'manual',
  })
  t.is(response.status, 307)
  t.is(response.headers.get('location'), '/elsewhere')
  t.is(((await response.json()) as Reply).errNo, XrtcErrNo.redirected)
})

test('an answer over 65,536 bytes is 413 and bodyTooLarge, and the offer still waits', async (t) => {
  const site = await start(t)
  const { data } = await ask(site, 'push', { ...MEDIA, uid: '7', streamName: 'lobby' })
  const answer = answerTo(data?.sdp ?? '')
  const fields = { uid: '7', streamName: 'lobby', type: 'push' }
  const response = await fetch(`${site.url}/signaling/sendanswer`, {
    method: 'POST',
    body: new URLSearchParams({ ...fields, answer: `${answer}a=x:${'y'.repeat(66_000)}` }),
  })
  t.is(response.status, 413)
  t.is(response.headers.get('retry-after'), null)
  t.like(await response.json(), { errNo: XrtcErrNo.bodyTooLarge, errMsg: 'limit reached: descriptionBytes (65536)' })
  t.is((await ask(site, 'sendanswer', { ...fields, answer })).errNo, 0)
})

test('what is missing is named as the parameter', async (t) => {
  const reply = await ask(await start(t), 'push', { ...MEDIA, uid: '7' })
  t.like(reply, { errNo: XrtcErrNo.invalidParameter, errMsg: 'streamName: a stream name is not empty' })
})

test('what HTTP forbids has its status and an errNo', async (t) => {
  const { url } = await start(t, { maxBodyBytes: 1_000 })
  for (const [init, status, errNo] of [
    [{ method: 'GET' }, 405, XrtcErrNo.methodNotAllowed],
    [
      { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' } },
      415,
      XrtcErrNo.unsupportedMediaType,
    ],
    [{ method: 'POST', body: new URLSearchParams({ uid: 'x'.repeat(2_000) }) }, 413, XrtcErrNo.bodyTooLarge],
  ] as const) {
    const response = await fetch(`${url}/signaling/push`, init)
    t.is(response.status, status)
    t.is(((await response.json()) as Reply).errNo, errNo)
  }
  const preflight = await fetch(`${url}/signaling/push`, { method: 'OPTIONS' })
  t.is(preflight.status, 200)
  t.is(preflight.headers.get('allow'), 'OPTIONS, POST')
  t.is(preflight.headers.get('access-control-allow-origin'), '*')
})

test('after close every action is 503', async (t) => {
  const site = await start(t)
  await push(site, { uid: '1', streamName: 'lobby' })
  await site.signaling.close()
  t.is(site.signaling.sessionCount, 0)
  const response = await fetch(`${site.url}/signaling/push`, { method: 'POST' })
  t.is(response.status, 503)
  t.is(((await response.json()) as Reply).errNo, XrtcErrNo.closed)
})

test('while it drains nothing is opened, and what is there may be answered and stopped', async (t) => {
  const site = await start(t)
  const { data } = await ask(site, 'push', { uid: '1', streamName: 'lobby', ...MEDIA })
  const drained = site.signaling.drain()
  t.is((await ask(site, 'push', { uid: '2', streamName: 'other', ...MEDIA })).errNo, XrtcErrNo.closed)
  const answer = answerTo(data?.sdp ?? '')
  t.is((await ask(site, 'sendanswer', { uid: '1', streamName: 'lobby', type: 'push', answer })).errNo, 0)
  t.is((await ask(site, 'stoppush', { uid: '1', streamName: 'lobby' })).errNo, 0)
  await t.notThrowsAsync(drained)
})

test('too many requests are 429', async (t) => {
  const site = await start(t, { rateLimit: { perAddress: { perSecond: 0.001, burst: 1 } } })
  t.is((await ask(site, 'pull', { uid: '1', streamName: 'lobby', ...MEDIA })).errNo, XrtcErrNo.streamNotFound)
  const response = await fetch(`${site.url}/signaling/push`, { method: 'POST' })
  t.is(response.status, 429)
  t.true(Number(response.headers.get('retry-after')) > 1)
  t.is(((await response.json()) as Reply).errNo, XrtcErrNo.tooManyRequests)
})

test('each request is one line of the log with who, what, the outcome and the time of each step', async (t) => {
  const lines: Record<string, unknown>[] = []
  const ignore = (): void => undefined
  const info = (fields: object, message: string): void => {
    if (message === 'request') lines.push({ ...fields })
  }
  const server = await startServer(t, { logger: { debug: info, info, warn: ignore, error: ignore } })
  const site = { server, url: await listen(t, server.signaling({ xrtc: true }).listener) }
  const { data } = await ask(site, 'push', { uid: LARGEST, streamName: 'lobby', ...MEDIA })
  const answer = answerTo(data?.sdp ?? '')
  await ask(site, 'sendanswer', { uid: LARGEST, streamName: 'lobby', type: 'push', answer })
  await ask(site, 'stoppush', { uid: LARGEST, streamName: 'lobby' })
  await ask(site, 'pull', { uid: LARGEST, streamName: 'none', ...MEDIA })
  await ask(site, 'pull', { uid: 'x', streamName: 'none' })
  const steps = (line: Record<string, unknown>): string[] => Object.keys(line['stepsMs'] as object)
  t.like(lines[0], { method: 'POST', path: '/signaling/push', status: 200, uid: LARGEST, stream: 'lobby', errNo: 0 })
  t.is(typeof lines[0]?.['durationMs'], 'number')
  t.deepEqual(steps(lines[0]!), ['body', 'parse', 'authorize', 'offer'])
  t.deepEqual(steps(lines[1]!), ['body', 'parse', 'authorize', 'answer'])
  t.deepEqual(steps(lines[2]!), ['body', 'parse', 'authorize', 'stop'])
  t.like(lines[3], { uid: LARGEST, stream: 'none', errNo: XrtcErrNo.streamNotFound })
  t.like(lines[4], { uid: undefined, errNo: XrtcErrNo.invalidParameter })
  t.is(lines.length, 5)
})

test('without the option there is nothing, and with it nothing but its routes and pages', async (t) => {
  const without = await startSite(t, { pages: true })
  for (const path of ['/signaling/push', '/xrtcclient/push']) {
    t.is((await fetch(without.url + path, { method: 'POST' })).status, 404, path)
  }
  const { url } = await start(t)
  for (const path of ['/xrtcclient/push', '/xrtcclient/pull?uid=1', '/assets/xrtcclient/push.js', '/client/index.js']) {
    t.is((await fetch(url + path)).status, 200, path)
  }
  for (const path of ['/', '/push/lobby', '/api/streams', '/xrtcclient/', '/signaling/', '/signaling/other']) {
    t.is((await fetch(url + path)).status, 404, path)
  }
})

test('WHIP and the XRTC routes are one: who pushes by the one is pulled by the other', async (t) => {
  const site = await start(t)
  await open(`${site.url}/whip/lobby?uid=5`, offerOf('chromium-publish-vp8'))
  t.is((await ask(site, 'pull', { uid: '9', streamName: 'lobby', ...MEDIA })).errNo, 0)
  t.is((await ask(site, 'push', { uid: '9', streamName: 'lobby', ...MEDIA })).errNo, XrtcErrNo.streamInUse)
  t.is((await push(site, { uid: '5', streamName: 'lobby' })).errNo, 0)
})

for (const options of [{ xrtc: 1 }, { xrtc: { replace: 1 } }, { xrtc: { other: true } }]) {
  test(`signaling refuses ${JSON.stringify(options)}`, async (t) => {
    const server = await startServer(t)
    t.throws(() => server.signaling(options as object), { code: 'XRTC_INVALID_ARGUMENT' })
  })
}

test('the documentation has every errNo under its name', (t) => {
  const page = readFileSync(new URL('../../docs/api/xrtc-routes.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| (\d+) +\| `(\w+)`/gm)].map(([, errNo, name]) => [name, Number(errNo)])
  t.deepEqual(Object.fromEntries(rows), { ...XrtcErrNo })
})
