// Conditional requests (RFC 9110 §13.1.1) as WHIP uses them for PATCH (RFC 9725 §4.3.1).

/** A strong entity tag of an ICE session. */
export function entityTag(iceSession: string): string {
  return `"${iceSession.replaceAll('"', '')}"`
}

/** How a request's `If-Match` stands to the tag of now. */
export function compareTags(ifMatch: string | undefined, current: string): 'missing' | 'match' | 'mismatch' {
  const value = ifMatch?.trim() ?? ''
  if (value === '') return 'missing'
  // RFC 9725 figure 4 quotes the star while its text means the bare one: both are taken.
  if (value === '*' || value === '"*"') return 'match'
  // Weak tags (W/"…") never match: the comparison is strong.
  const tags = value.match(/(?:W\/)?"[^"]*"|[^\s,"]+/g) ?? []
  return tags.some((tag) => tag === current || `"${tag}"` === current) ? 'match' : 'mismatch'
}
