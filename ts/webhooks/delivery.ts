// One attempt to deliver a message: a signed POST, in the manner of Standard Webhooks, whose libraries verify it.

import { createHmac, randomUUID } from 'node:crypto'
import type { Agent } from 'undici'
import { errorOf } from '../errors.ts'
import { retryAfterMs } from '../retry.ts'
import type { Attempt } from './queue.ts'

/** A message, as it is sent each time. */
export interface Message {
  readonly id: string
  readonly body: string
}

/** Where messages go. */
export interface Receiver {
  readonly url: URL
  readonly key: Buffer
  /** How long one attempt may take. */
  readonly timeoutMs: number
  /** The connections, opened with the first message. */
  readonly agent: () => Promise<{ readonly agent: Agent; readonly request: typeof import('undici').request }>
  /** Told of what was answered or thrown, unless that was success. */
  readonly failed: (fields: object) => void
}

// Standard Webhooks asks for 24 to 64 random bytes.
const LEAST_SECRET_BYTES = 24

/**
 * Reads a secret: `whsec_` and base64, or the bytes of any other text.
 *
 * @throws {InvalidArgumentError} It is shorter than 24 bytes.
 */
export function readSecret(secret: string): Buffer {
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : Buffer.from(secret)
  if (key.length >= LEAST_SECRET_BYTES) return key
  throw errorOf('XRTC_INVALID_ARGUMENT', `the secret of webhooks has at least ${LEAST_SECRET_BYTES} bytes`)
}

/** Makes the message of an event. Its `id` is the same in every attempt, so that a receiver can tell repetitions. */
export function messageOf(type: string, data: object): Message {
  return { id: `msg_${randomUUID()}`, body: JSON.stringify({ type, timestamp: new Date().toISOString(), data }) }
}

/** Sends it once. Never rejects. */
export async function deliver(receiver: Receiver, message: Message, aborted: AbortSignal): Promise<Attempt> {
  const { url, timeoutMs, failed } = receiver
  try {
    const { agent, request } = await receiver.agent()
    const response = await request(url, {
      dispatcher: agent,
      method: 'POST',
      headers: signedHeaders(receiver, message),
      body: message.body,
      signal: AbortSignal.any([aborted, AbortSignal.timeout(timeoutMs)]),
    })
    await response.body.dump()
    const { statusCode } = response
    if (statusCode >= 200 && statusCode < 300) return 'delivered'
    failed({ status: statusCode, message: message.id })
    if (statusCode < 500 && !TEMPORARY.includes(statusCode)) return 'refused'
    const header = response.headers['retry-after']
    return { retryAfterMs: retryAfterMs(typeof header === 'string' ? header : undefined) }
  } catch (error) {
    if (!aborted.aborted) failed({ err: error, message: message.id })
    return { retryAfterMs: undefined }
  }
}

// Of 4xx: too slow, too early, too much. Whatever else it says, it would say again; redirects are not followed.
const TEMPORARY = [408, 425, 429]

function signedHeaders({ key }: Receiver, { id, body }: Message): Record<string, string> {
  const timestamp = String(Math.floor(Date.now() / 1_000))
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return {
    'content-type': 'application/json',
    'user-agent': 'xrtc',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  }
}
