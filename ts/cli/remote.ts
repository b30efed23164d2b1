// `--pull NAME=URL` and `--push NAME=URL`: streams from and to other servers.

import type { IceTransportPolicy, MediaServer } from '../../index.d.ts'
import type { GatherOptions } from '../gathering.ts'
import { gatherOf } from '../gathering.ts'
import { remoteUrl } from '../remote/settings.ts'
import { parseStreamName } from '../stream-name.ts'

/** A stream and where it comes from, or where it is sent to. */
export interface RemoteFlag {
  readonly streamName: string
  readonly url: string
}

/** Reads `NAME=URL`. Throws for any other text, and what the API says of either. */
export function parseRemote(text: string): RemoteFlag {
  const [name = '', ...url] = text.split('=')
  if (url.length === 0) throw new Error('use NAME=URL')
  return { streamName: parseStreamName(name), url: remoteUrl(url.join('=')).href }
}

/** Starts them all; each goes on until the server ends. */
export function startRemotes(media: MediaServer, flags: RemoteFlags): void {
  const { pull = [], push = [], remoteToken: token } = flags
  const options = { ...iceOf(flags), ...(token === undefined ? {} : { token }) }
  for (const { streamName, url } of pull) media.pullFrom(url, streamName, options)
  for (const { streamName, url } of push) media.pushTo(streamName, url, options)
}

/** A flag that has no meaning, because there is no other server. */
export function idleFlagOf({ pull = [], push = [], ...flags }: RemoteFlags): string | undefined {
  if (pull.length + push.length > 0) return undefined
  const named = {
    '--remote-token': flags.remoteToken,
    '--ice-server': flags.iceServer,
    '--ice-username': flags.iceUsername,
    '--ice-credential': flags.iceCredential,
    '--ice-transport-policy': flags.iceTransportPolicy,
  }
  return Object.entries(named).find(([, value]) => value !== undefined)?.[0]
}

/** What the flags say of ICE. Throws what the API says of it. */
export function iceOf(flags: RemoteFlags): GatherOptions {
  const { iceServer: urls, iceUsername: username, iceCredential: credential, iceTransportPolicy } = flags
  if (urls === undefined && (username !== undefined || credential !== undefined)) {
    throw new Error('--ice-username and --ice-credential belong to a TURN server: name it with --ice-server')
  }
  const turn = urls?.find((url) => /^turns?:/i.test(url))
  if (turn !== undefined && (username === undefined || credential === undefined)) {
    throw new Error(`${turn}: a TURN server needs --ice-username and --ice-credential`)
  }
  if (turn === undefined && iceTransportPolicy === 'relay') {
    throw new Error('--ice-transport-policy relay needs a TURN server: name it with --ice-server')
  }
  const who = { ...(username === undefined ? {} : { username }), ...(credential === undefined ? {} : { credential }) }
  const options = {
    ...(urls === undefined ? {} : { iceServers: urls.map((url) => ({ urls: url, ...who })) }),
    ...(iceTransportPolicy === undefined ? {} : { iceTransportPolicy }),
  }
  gatherOf(options)
  return options
}

/** The flags. */
export interface RemoteFlags {
  readonly pull?: readonly RemoteFlag[]
  readonly push?: readonly RemoteFlag[]
  readonly remoteToken?: string
  /** URLs of STUN and TURN servers. */
  readonly iceServer?: readonly string[]
  readonly iceUsername?: string
  readonly iceCredential?: string
  readonly iceTransportPolicy?: IceTransportPolicy
}
