// Patterns of stream names, as tokens have them.

/**
 * Whether a stream's name fits a pattern. `*` stands for one segment, and `**` at the end for one or more; everything
 * else stands for itself.
 */
export function matchesStream(pattern: string, stream: string): boolean {
  const wanted = pattern.split('/')
  const segments = stream.split('/')
  const rest = wanted.at(-1) === '**'
  if (rest) wanted.pop()
  if (rest ? segments.length <= wanted.length : segments.length !== wanted.length) return false
  return wanted.every((segment, index) => segment === '*' || segment === segments[index])
}
