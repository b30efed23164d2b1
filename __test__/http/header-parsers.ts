// How clients that cannot run here read the headers of a 201, written anew from what they do. Each takes the raw lines.

/** Header lines as they were received, in order. */
export type Lines = readonly (readonly [name: string, value: string])[]

/** An ICE server as a client understood it. */
export interface ReadServer {
  readonly url: string
  readonly username?: string
  readonly credential?: string
}

/** OBS Studio 30 to 32 (obs-webrtc): splits each line at commas, then semicolons, and knows only stun: and turn:. */
export function readAsObs(lines: Lines): readonly ReadServer[] {
  return named(lines, 'link').flatMap((line) =>
    line.split(',').flatMap((entry) => {
      const [target = '', ...options] = entry.split(';')
      // After a comma the blank stays, and the entry is none.
      if (!/^<(?:stun|turn):/.test(target)) return []
      return [{ url: target.slice(1, target.indexOf('>')), ...optionsOf(options) }]
    }),
  )
}

/** medooze whip-whep-js 1.2: one joined header, split where a comma and blanks come before `<`. */
export function readAsMedooze(lines: Lines): readonly ReadServer[] {
  return joined(lines)
    .split(/,\s+(?=<)/)
    .flatMap((entry) => {
      const [target = '', ...options] = entry.split(';')
      if (!/rel="?'?ice-server/.test(entry)) return []
      return [{ url: target.trim().slice(1, -1), ...optionsOf(options) }]
    })
}

/** MediaMTX's publisher.js and reader.js: throws for whatever its pattern does not cover. */
export function readAsMediaMtx(lines: Lines): readonly ReadServer[] {
  const pattern = /^<(.+?)>; rel="ice-server"(?:; username="(.*?)"; credential="(.*?)"; credential-type="password")?$/i
  return joined(lines)
    .split(', ')
    .map((entry) => {
      const [, url, username, credential] = pattern.exec(entry) ?? []
      if (url === undefined) throw new Error(`no ICE server: ${entry}`)
      return { url, ...(username === undefined || credential === undefined ? {} : { username, credential }) }
    })
}

/** simple-whip-client: each line by itself; credentials stand between the quotes that follow their names. */
export function readAsSimpleWhipClient(lines: Lines): readonly ReadServer[] {
  return named(lines, 'link').flatMap((line) => {
    if (!line.startsWith('<') || !line.includes('rel="ice-server"')) return []
    const url = line.slice(1, line.indexOf('>'))
    const between = (name: string): string | undefined => line.split(`${name}="`)[1]?.split('"')[0]
    const [username, credential] = [between('username'), between('credential')]
    return [{ url, ...(username === undefined || credential === undefined ? {} : { username, credential }) }]
  })
}

/** The session's URL as OBS makes it: a location that does not begin with `http` is the path, and the query goes. */
export function locationAsObs(endpoint: string, location: string): string {
  if (location.startsWith('http')) return location
  const url = new URL(endpoint)
  url.pathname = location
  url.search = ''
  return url.href
}

/** The session's URL as Eyevinn's players make it: only an absolute path is resolved. */
export function locationAsEyevinn(endpoint: string, location: string): string {
  return location.startsWith('/') ? new URL(endpoint).origin + location : location
}

function optionsOf(options: readonly string[]): { username?: string; credential?: string } {
  const pairs = options.map((option) => {
    const at = option.indexOf('=')
    return [option.slice(0, at).trim(), option.slice(at + 1).replaceAll('"', '')] as const
  })
  return Object.fromEntries(pairs.filter(([name]) => name === 'username' || name === 'credential'))
}

function named(lines: Lines, name: string): readonly string[] {
  return lines.filter(([given]) => given.toLowerCase() === name).map(([, value]) => value)
}

function joined(lines: Lines): string {
  return named(lines, 'link').join(', ')
}
