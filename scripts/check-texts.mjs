// Text in the project speaks of the project alone, leaves nothing unfinished, and names only files that are there.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, run, StepError } from './steps.mjs'

const FORBIDDEN = [
  [/(^|[^\w.~-])\/(work|root|home)\/\w/, 'a path of one machine'],
  [/\b(todo|unimplemented)!\(|\b(FIXME|XXX)\b/, 'an unfinished mark'],
  [/\bregistry\.npmjs\.org|\bindex\.crates\.io|\bartifactory\b/, "a registry's host"],
]
const NAMED_FILE = /`((?:crates|ts|web|docs|scripts|benches|__test__)\/[\w./-]+)`/g
const SELF = 'scripts/check-texts.mjs'
const NOT_READ = /\.(png|ico|lock|ivf|woff2|sdp|golden)$|package-lock\.json$|\.sum$/

/** Fails with every forbidden text in a file that git tracks, and every file that a page names and that is not there. */
export async function checkTexts() {
  const { output } = await run('git', ['ls-files'], { capture: true })
  const problems = output
    .split('\n')
    .filter((path) => path !== '' && path !== SELF && !NOT_READ.test(path))
    .flatMap((path) => problemsIn(path))
  if (problems.length > 0) throw new StepError('texts', `\n  ${problems.join('\n  ')}`)
}

function problemsIn(path) {
  const text = readFileSync(join(root, path), 'utf8')
  const forbidden = text
    .split('\n')
    .flatMap((line, index) =>
      FORBIDDEN.filter(([pattern]) => pattern.test(line)).map(([, what]) => `${path}:${index + 1}: ${what}`),
    )
  return path.endsWith('.md') ? [...forbidden, ...missingFiles(path, text)] : forbidden
}

function missingFiles(path, text) {
  return [...text.matchAll(NAMED_FILE)]
    .filter(([, named]) => !existsSync(join(root, named)))
    .map(([, named]) => `${path}: ${named} does not exist`)
}
