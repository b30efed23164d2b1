// npm run build [-- --debug]: packages, native binding, TypeScript.

import { setUp } from './setup.mjs'
import { main } from './steps.mjs'

await main(() => setUp({ debug: process.argv.includes('--debug') }))
