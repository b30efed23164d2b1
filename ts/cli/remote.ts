// `--pull NAME=URL` and `--push NAME=URL`: streams from and to other servers.

import type { MediaServer } from '../../index.d.ts'
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
export function startRemotes(media: MediaServer, { pull = [], push = [], remoteToken: token }: RemoteFlags): void {
  const options = token === undefined ? {} : { token }
  for (const { streamName, url } of pull) media.pullFrom(url, streamName, options)
  for (const { streamName, url } of push) media.pushTo(streamName, url, options)
}

/** The flags. */
export interface RemoteFlags {
  readonly pull?: readonly RemoteFlag[]
  readonly push?: readonly RemoteFlag[]
  readonly remoteToken?: string
}
