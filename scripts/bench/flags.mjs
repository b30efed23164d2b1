// The flags of the benchmarks: each declares `type`, `default`, `about`, and `range` or `choices`. All is checked before
// anything is built.
//
// | type      | what is given                              | what `run` gets |
// | --------- | ------------------------------------------ | --------------- |
// | `integer` | digits, within `range`                     | a number        |
// | `number`  | digits and a fraction, within `range`      | a number        |
// | `bitrate` | a number with `k` or `M` behind it or none | the text        |
// | `list`    | some of `choices`, comma-separated, or all | an array        |
// | `boolean` | nothing                                    | whether it is   |
//
// `aimed`: the aims are for its default; with another value nothing is judged.

import { parseArgs } from 'node:util'
import { StepError } from '../steps.mjs'

const READ = {
  integer: (text, { range }) => (/^\d+$/.test(text) ? within(Number(text), range) : undefined),
  number: (text, { range }) => (/^\d+(\.\d+)?$/.test(text) ? within(Number(text), range) : undefined),
  bitrate: (text) => (/^\d+(\.\d+)?[kM]?$/.test(text) && Number.parseFloat(text) > 0 ? text : undefined),
  list: (text, { choices }) => {
    const names = text === 'all' ? choices : [...new Set(text.split(','))]
    return names.every((name) => choices.includes(name)) ? names : undefined
  },
}

const EXPECTED = {
  integer: ({ range: [least, most] }) => `an integer from ${least} to ${most}`,
  number: ({ range: [least, most] }) => `a number from ${least} to ${most}`,
  bitrate: () => 'a bit rate above 0 such as 500k or 1.5M',
  list: ({ choices }) => `all, or some of ${choices.join(',')}`,
}

/** Whether these words ask for help. */
export function asksForHelp(words) {
  return words.includes('--help') || words.includes('-h')
}

/**
 * The values of a benchmark's flags, and in `changed` those for whose value there are no aims, as they were given.
 * Fails with one line that says which flag is wrong, and what it takes.
 */
export function readFlags(name, { options, refuse }, words) {
  const given = new Map()
  const types = Object.entries(options).map(([flag, { type }]) => [
    flag,
    { type: type === 'boolean' ? 'boolean' : 'string' },
  ])
  const { tokens } = parseArgs({
    args: words,
    options: Object.fromEntries(types),
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const wrong = (text) => new StepError(name, `${text} (npm run bench -- ${name} --help)`)
  for (const { kind, rawName, name: flag, value } of tokens) {
    if (kind === 'positional') throw wrong(`takes flags only, not the word ${value}`)
    if (kind !== 'option') continue
    if (rawName !== `--${flag}` || !Object.hasOwn(options, flag)) throw wrong(`there is no ${rawName}`)
    given.set(flag, readOne(flag, options[flag], value, wrong))
  }
  const values = Object.fromEntries(
    Object.entries(options).map(([flag, option]) => [flag, given.get(flag) ?? valueOf(option, String(option.default))]),
  )
  const refused = refuse?.(values)
  if (refused) throw wrong(refused)
  const changed = [...given].filter(([flag, value]) => options[flag].aimed && value !== options[flag].default)
  return { ...values, changed: changed.map(([flag, value]) => `--${flag} ${value}`) }
}

/** The lines of `--help` about a benchmark. */
export function describe(name, { about, options }) {
  const flags = Object.entries(options).map(([flag, option]) => {
    const takes = option.type === 'boolean' ? '' : `; ${EXPECTED[option.type](option)}`
    return `           --${flag} (${option.default})  ${option.about}${takes}`
  })
  return [`${name.padEnd(10)} ${about}`, ...flags].join('\n')
}

function readOne(flag, option, text, wrong) {
  if (option.type === 'boolean') {
    if (text !== undefined) throw wrong(`--${flag} takes no value`)
    return true
  }
  const expected = `--${flag} takes ${EXPECTED[option.type](option)}`
  if (text === undefined) throw wrong(expected)
  const value = valueOf(option, text)
  if (value === undefined) throw wrong(`${expected}, not ${text === '' ? 'an empty text' : text}`)
  return value
}

function valueOf(option, text) {
  return option.type === 'boolean' ? text === 'true' : READ[option.type](text, option)
}

function within(value, [least, most]) {
  return value >= least && value <= most ? value : undefined
}
