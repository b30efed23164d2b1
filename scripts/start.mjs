// npm start [-- flags]: sets up what is missing, then runs the server with its pages in this process.

import { setUp } from './setup.mjs'
import { main } from './steps.mjs'

await main(async () => {
  await setUp()
  process.argv.splice(2, 0, 'serve')
  await import('../dist/cli/main.js')
})
