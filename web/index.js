// The list of live streams, renewed every two seconds while the page is visible.

import { askForToken, element, pageAddress, tokenOption } from './page.js'

const RENEW_MS = 2000
const form = element('go', HTMLFormElement)
const field = element('name', HTMLInputElement)

field.addEventListener('input', () => field.setCustomValidity(problemOfName(field.value.trim())))

form.addEventListener('submit', (event) => {
  event.preventDefault()
  const page = event.submitter instanceof HTMLButtonElement ? event.submitter.value : 'pull'
  const stream = field.value.trim()
  if (stream !== '') location.assign(pageAddress(page, stream))
})

// The browser itself would walk up the address at `..`, and nobody would see why.
/** @param {string} name */
function problemOfName(name) {
  if (new TextEncoder().encode(name).length > 256) return 'This name is too long.'
  const segments = name.split('/')
  const wrong = name !== '' && segments.some((segment) => ['', '.', '..'].includes(segment))
  return wrong ? 'Between slashes there must be something, and neither . nor ..' : ''
}

async function renew() {
  const problem = element('problem', HTMLElement)
  try {
    const { token } = tokenOption()
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const response = await fetch(new URL('api/streams', document.baseURI), { headers })
    if (response.status === 401 || response.status === 403) {
      problem.textContent =
        token === undefined ? 'The server wants a token.' : 'With this token the server does not list its streams.'
      element('empty', HTMLElement).hidden = true
      element('streams', HTMLElement).replaceChildren()
      askForToken(true)
      return
    }
    if (!response.ok) throw new Error(`the server answered ${response.status}`)
    show(await response.json())
    problem.textContent = ''
    askForToken(false)
  } catch {
    element('empty', HTMLElement).hidden = true
    problem.textContent = 'The server cannot be reached. Trying again…'
  }
}

/** @param {{ streams: readonly { name: string, live: boolean, viewers: number, codecs?: readonly string[] }[] }} answer */
function show({ streams }) {
  element('empty', HTMLElement).hidden = streams.length > 0
  element('streams', HTMLElement).replaceChildren(...streams.map(entry))
}

/** @param {{ name: string, live: boolean, viewers: number, codecs?: readonly string[] }} stream */
function entry({ name, live, viewers, codecs = [] }) {
  const item = document.createElement('li')
  const link = document.createElement('a')
  link.href = pageAddress('pull', name).href
  link.textContent = name
  const badge = document.createElement('span')
  badge.className = 'badge'
  badge.dataset['state'] = live ? 'live' : 'waiting'
  badge.textContent = live ? 'live' : 'waiting for its publisher'
  const about = document.createElement('span')
  about.className = 'soft'
  about.textContent = [...codecs, viewers === 1 ? '1 viewer' : `${viewers} viewers`].join(' · ')
  item.append(link, badge, about)
  return item
}

while (true) {
  if (!document.hidden) await renew()
  await new Promise((resolve) => setTimeout(resolve, RENEW_MS))
}
