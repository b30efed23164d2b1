// The list page and the pull page: what they say of names and of publishers.

import test from 'ava'
import { newPage, openPull, openPush, pageShows, startChromium, startSite } from './harness.ts'

test.serial('who watches is told that the publisher is away, and that it is back', async (t) => {
  const site = await startSite(t)
  const browser = await startChromium(t)
  const push = await openPush(browser, site, 'away')
  const pull = await openPull(browser, site, 'away')
  const badge = `document.getElementById('state').textContent`
  await push.click('#stop')
  await pageShows(pull, `document.getElementById('message').textContent.startsWith('The publisher is away')`)
  t.is(await pull.evaluate(badge), 'waiting')
  await push.click('#start')
  await pageShows(pull, `${badge} === 'live' && document.getElementById('message').textContent === ''`)
})

test.serial('sound is offered while there is some to hear', async (t) => {
  const site = await startSite(t)
  const browser = await startChromium(t)
  const push = await openPush(browser, site, 'quiet')
  const pull = await newPage(browser)
  await pull.goto(`${site.url}/pull/quiet`)
  const offered = `!document.getElementById('sound').hidden`
  await pageShows(pull, offered)
  await push.click('#stop')
  await pageShows(pull, `document.getElementById('message').textContent.startsWith('The publisher is away')`)
  t.false(await pull.evaluate(offered))
  await push.click('#start')
  await pageShows(pull, offered)
})

test.serial('on a phone the two ways to go on stand side by side', async (t) => {
  const site = await startSite(t)
  const list = await newPage(await startChromium(t))
  for (const width of [320, 390, 1_000]) {
    await list.setViewport({ width, height: 700 })
    await list.goto(`${site.url}/`)
    const tops = `[...document.querySelectorAll('#go button')].map((button) => button.getBoundingClientRect().top)`
    const [publish, watch] = (await list.evaluate(tops)) as number[]
    t.is(publish, watch, `${width} pixels`)
  }
})

test.serial('a page that waits for its stream logs no error, and plays when it comes', async (t) => {
  const site = await startSite(t)
  const browser = await startChromium(t)
  const pull = await newPage(browser)
  const errors: string[] = []
  pull.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
  await pull.goto(`${site.url}/pull/later`)
  await pageShows(pull, `document.getElementById('state').textContent === 'waiting'`)
  await openPush(browser, site, 'later')
  await pageShows(pull, `document.getElementById('video').currentTime > 0`)
  t.deepEqual(errors, [])
})

test.serial('a name that breaks the rules is not gone to', async (t) => {
  const site = await startSite(t)
  const list = await newPage(await startChromium(t))
  await list.goto(`${site.url}/`)
  for (const [name, valid] of [
    ['../x', false],
    ['a//b', false],
    ['/a', false],
    ['é'.repeat(129), false],
    ['a/b c', true],
  ] as const) {
    await list.$eval('#name', (field, text) => Object.assign(field, { value: text }), name)
    await list.$eval('#name', (field) => field.dispatchEvent(new Event('input')))
    t.is(
      await list.$eval('#go', (form) => (form as unknown as { checkValidity(): boolean }).checkValidity()),
      valid,
      name,
    )
  }
  await Promise.all([list.waitForNavigation(), list.click('button[value=pull]')])
  t.is(list.url(), `${site.url}/pull/a/b%20c`)
})
