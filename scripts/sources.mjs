// Finds the project's files and fingerprints them, so that a build runs only when something it reads has changed.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './steps.mjs'

const SKIPPED = new Set(['node_modules', 'target', 'dist', 'native', '.git', '.test-out', '.cache', 'corpus'])

/** Every file below `folder` (relative to the root), sorted; generated folders are left out. */
export function filesBelow(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : filesBelow(path)
      return entry.isFile() ? [path] : []
    })
}

/** A hash over names and contents of files (paths relative to the root) and extra strings. */
export function fingerprint(paths, ...extra) {
  const hash = createHash('sha256')
  for (const path of paths)
    hash
      .update(path)
      .update('\0')
      .update(readFileSync(join(root, path)))
      .update('\0')
  for (const text of extra) hash.update(text).update('\0')
  return hash.digest('hex')
}
