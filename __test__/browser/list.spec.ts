// The list page.

import test from 'ava'
import { newPage, startChromium, startSite } from './harness.ts'

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
