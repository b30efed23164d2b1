// What is written of STUN and TURN servers.

/** What a wrong list of them breaks. */
export const ICE_URLS_RULE = 'urls is one or more URLs that begin with stun:, stuns:, turn: or turns:'
/** What another kind of credentials breaks. `oauth` was in drafts of WebRTC and is gone; no browser has ever had it. */
export const CREDENTIAL_TYPE_RULE = "credentialType is 'password', or left out"

// They become `Link` headers (RFC 9725 §4.6), which must stay one line of ASCII that clients split at commas.
const ICE_URL = /^(?:stuns?|turns?):[^\s<>"\\,;]+$/i
const ASCII = /^[\x20-\x7e]*$/

/** The URLs of an ICE server as a list; `undefined` if they are none. */
export function iceUrls(urls: unknown): readonly string[] | undefined {
  const list: readonly unknown[] = Array.isArray(urls) ? urls : [urls]
  const fitting = list.filter((url) => typeof url === 'string').filter((url) => ICE_URL.test(url) && ASCII.test(url))
  return list.length > 0 && fitting.length === list.length ? fitting : undefined
}

/** Whether a `credentialType` is the one that there is, said or not. */
export function isPassword(credentialType: unknown): boolean {
  return credentialType === undefined || credentialType === 'password'
}
