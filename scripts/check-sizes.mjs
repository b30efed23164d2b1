// The size budget: a source file has at most 500 lines, tests at its end not counted. An exception says
// `size-budget: <reason>` in its first ten lines.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesBelow } from './sources.mjs'
import { root, StepError } from './steps.mjs'

const LIMIT = 500
const FOLDERS = ['crates', 'ts', 'web', '__test__', 'scripts', 'benches', 'examples', 'fuzz']
const COUNTED = /\.(rs|ts|mjs|js|css|html)$/

/** Fails with every file over the budget. */
export function checkSizes() {
  const problems = FOLDERS.flatMap((folder) => existing(folder))
    .filter((path) => COUNTED.test(path) && !path.endsWith('.d.ts'))
    .map((path) => ({ path, lines: readFileSync(join(root, path), 'utf8').split('\n') }))
    .filter(({ lines }) => !lines.slice(0, 10).some((line) => line.includes('size-budget:')))
    .map(({ path, lines }) => ({ path, count: countCode(lines) }))
    .filter(({ count }) => count > LIMIT)
    .map(({ path, count }) => `${path}: ${count} lines (limit ${LIMIT}): cut it where a name appears`)
  if (problems.length > 0) throw new StepError('sizes', `\n  ${problems.join('\n  ')}`)
}

function existing(folder) {
  try {
    return filesBelow(folder)
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
}

function countCode(lines) {
  const tests = lines.findIndex(
    (line, index) => line.startsWith('#[cfg(test)]') && lines[index + 1]?.startsWith('mod tests'),
  )
  return tests === -1 ? lines.length : tests
}
