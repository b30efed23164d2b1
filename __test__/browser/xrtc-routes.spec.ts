// The XRTC routes in browsers: a page that does what the course's pages do, with the calls of their time, and our own
// two pages.

import { once } from 'node:events'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import type { Browser, Page } from 'puppeteer-core'
import type { MediaServer } from 'xrtc'
import { newPage, pageShows, startChromium, startFirefox, startSite } from './harness.ts'

// The answer goes out at once, before there are candidates. To stop is to close first and to say so after.
const COURSE = `(() => {
  const post = async (action, fields) => {
    const reply = await (await fetch('/signaling/' + action, { method: 'POST', body: new URLSearchParams(fields) })).json()
    if (reply.errNo !== 0) throw new Error(reply.errNo + ' ' + reply.errMsg)
    return reply.data
  }
  const who = { uid: '18446744073709551615', streamName: 'course' }
  const answer = async (type) => {
    const answer = await pc.createAnswer({ offerToReceiveAudio: false, offerToReceiveVideo: true })
    pc.setLocalDescription(answer)
    globalThis.candidates = (answer.sdp.match(/a=candidate/g) ?? []).length
    await post('sendanswer', { ...who, type, answer: answer.sdp })
  }
  globalThis.push = async () => {
    const offer = await post('push', { ...who, audio: 1, video: 1 })
    globalThis.pc = new RTCPeerConnection({})
    await pc.setRemoteDescription(offer)
    globalThis.local = await navigator.mediaDevices.getUserMedia({ audio: true, video: true })
    pc.addStream(local)
    await answer('push')
  }
  globalThis.pull = async () => {
    const offer = await post('pull', { ...who, audio: 1, video: 1, isDtls: 1 })
    globalThis.pc = new RTCPeerConnection({})
    globalThis.video = Object.assign(document.createElement('video'), { autoplay: true, muted: true })
    document.body.replaceChildren(video)
    pc.onaddstream = ({ stream }) => (video.srcObject = stream)
    await pc.setRemoteDescription(offer)
    await answer('pull')
  }
  globalThis.stop = async (action) => {
    pc.close()
    await post(action, who)
  }
})()`

for (const [name, start] of [
  ['Chromium', startChromium],
  ['Firefox', startFirefox],
] as const) {
  test.serial(`a page of the course pushes and pulls five times in ${name}, and nothing is left`, async (t) => {
    const { server, url } = await startSite(t)
    const browser = await start(t)
    const [push, pull] = [await coursePage(browser, url), await coursePage(browser, url)]
    const empty = await server.held()
    for (let round = 1; round <= 5; round += 1) {
      await push.evaluate('push()')
      await live(server, 'course')
      await pull.evaluate('pull()')
      await pageShows(pull, 'video.videoWidth > 0 && video.currentTime > 0.3 && !video.paused')
      t.is(await pull.evaluate(`video.srcObject.getTracks().map(({ kind }) => kind).sort().join()`), 'audio,video')
      t.is(await push.evaluate('candidates'), 0, 'the answer went out without candidates')
      const removed = once(server, 'streamremoved')
      await pull.evaluate(`stop('stoppull')`)
      await push.evaluate(`stop('stoppush')`)
      await removed
    }
    await settled(t, server, empty)
  })
}

test.serial('the push and pull pages start, stop, start again, and say what went wrong', async (t) => {
  const { server, url } = await startSite(t)
  const browser = await startChromium(t)
  const [push, pull] = [await newPage(browser), await newPage(browser)]
  await pull.goto(`${url}/xrtcclient/pull?streamName=pages&uid=2`)
  await pull.click('#start')
  await pageShows(pull, `document.getElementById('problem').textContent.includes('errNo 2001')`)
  await push.goto(`${url}/xrtcclient/push?streamName=pages&uid=18446744073709551615`)
  for (let round = 1; round <= 2; round += 1) {
    await push.click('#start')
    await pageShows(push, `document.getElementById('state').dataset.state === 'live'`)
    await live(server, 'pages')
    t.is(server.stream('pages')?.publisher?.identity, 'uid:18446744073709551615')
    await pageShows(push, `document.getElementById('preview').videoWidth > 0`)
    await pull.click('#start')
    const shown = `(({ videoWidth, currentTime }) => videoWidth > 0 && currentTime > 0.5)(document.getElementById('remote'))`
    await pageShows(pull, shown)
    await push.click('#stop')
    await pageShows(push, `document.getElementById('state').textContent === 'stopped'`)
    t.is(await push.evaluate(`document.getElementById('problem').textContent`), '')
    await pull.click('#stop')
    await pageShows(pull, `document.getElementById('start').hidden === false`)
    if (server.streams().length > 0) await once(server, 'streamremoved')
  }
})

test.serial('a viewer that the server ends is told so, and audio alone is heard', async (t) => {
  const { server, url } = await startSite(t)
  const browser = await startChromium(t)
  const [push, pull] = [await newPage(browser), await newPage(browser)]
  await push.goto(`${url}/xrtcclient/push?streamName=sound&video=0&start=1`)
  await pageShows(push, `document.getElementById('state').dataset.state === 'live'`)
  await live(server, 'sound')
  t.deepEqual(
    server.stream('sound')?.tracks.map(({ kind }) => kind),
    ['audio'],
  )
  await pull.goto(`${url}/xrtcclient/pull?streamName=sound&start=1`)
  await pageShows(pull, `document.getElementById('remote').currentTime > 0.5`)
  await server.stream('sound')!.close()
  for (const page of [push, pull]) {
    await pageShows(page, `document.getElementById('problem').textContent === 'The server ended the session.'`)
    await pageShows(page, `document.getElementById('start').hidden === false`)
  }
})

test.serial(
  'a viewer is told that the publisher is away, that it is back, and that it did not come back',
  async (t) => {
    const { server, url } = await startSite(t)
    const browser = await startChromium(t)
    const [push, pull] = [await newPage(browser), await newPage(browser)]
    await push.goto(`${url}/xrtcclient/push?streamName=away&start=1`)
    await pageShows(push, `document.getElementById('state').dataset.state === 'live'`)
    await live(server, 'away')
    await pull.goto(`${url}/xrtcclient/pull?streamName=away&start=1`)
    await pageShows(pull, `document.getElementById('remote').currentTime > 0.5`)
    const shows = `[document.getElementById('state').textContent, document.getElementById('message').textContent].join()`
    const away = `${shows} === 'waiting,The publisher is away. It goes on here by itself.'`
    await push.click('#stop')
    await pageShows(pull, away)
    await push.click('#start')
    await pageShows(pull, `${shows} === 'live,'`)
    await push.click('#stop')
    await pageShows(pull, away)
    await server.stream('away')!.close()
    const over = 'The publisher did not come back, and the stream ended.'
    await pageShows(pull, `document.getElementById('problem').textContent === '${over}'`)
    t.is(await pull.evaluate(shows), 'stopped,Press start to watch.')
    t.false(await pull.evaluate(`document.getElementById('start').hidden`))
  },
)

test.serial('a shared screen is pushed, and its end is the end of the push', async (t) => {
  const { server, url } = await startSite(t)
  const browser = await startChromium(t)
  const push = await newPage(browser)
  // Headless browsers have no screen: a canvas stands for it, everything behind it is real.
  await push.evaluateOnNewDocument(`navigator.mediaDevices.getDisplayMedia = async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 })
    const context = canvas.getContext('2d')
    const draw = () => {
      context.fillStyle = 'hsl(' + (performance.now() / 10) % 360 + ' 80% 50%)'
      context.fillRect(0, 0, 640, 360)
      requestAnimationFrame(draw)
    }
    draw()
    globalThis.screen = canvas.captureStream(20)
    return globalThis.screen
  }`)
  await push.goto(`${url}/xrtcclient/push?streamName=screen&source=screen&start=1`)
  await pageShows(push, `document.getElementById('state').dataset.state === 'live'`)
  await live(server, 'screen')
  const pull = await newPage(browser)
  await pull.goto(`${url}/xrtcclient/pull?streamName=screen&start=1`)
  await pageShows(pull, `document.getElementById('remote').videoWidth === 640`)
  const publisher = server.stream('screen')!.publisher!
  const closed = once(publisher, 'closed')
  await push.evaluate(`(() => {
    const [track] = document.getElementById('preview').srcObject.getVideoTracks()
    track.stop()
    track.dispatchEvent(new Event('ended'))
  })()`)
  await closed
  // The page's goodbye, or its stoppush: both are under way.
  t.regex(publisher.closeReason ?? '', /^(?:peerClosed|closed)$/)
  await pageShows(push, `document.getElementById('problem').textContent === 'The screen is no longer shared.'`)
})

async function coursePage(browser: Browser, url: string): Promise<Page> {
  const page = await newPage(browser)
  await page.goto(`${url}/`)
  await page.evaluate(COURSE)
  return page
}

async function live(server: MediaServer, name: string): Promise<void> {
  const stream = server.stream(name)
  if (stream === undefined) {
    await once(server, 'streamadded')
    return await live(server, name)
  }
  while (!stream.tracks.every((track) => track.live)) await once(stream, 'change')
}

// What said goodbye is held a moment longer.
async function settled(t: ExecutionContext, server: MediaServer, empty: object): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (JSON.stringify(await server.held()) === JSON.stringify(empty)) break
  }
  t.deepEqual(await server.held(), empty)
}
