// The few lines of session descriptions that ICE needs on the JavaScript side: credentials and trickle fragments
// (RFC 8840). Everything else about descriptions is native.

import type { IceCandidateInit, SessionDescription } from '../index.d.ts'

/** The credentials of one side. */
export interface IceCredentials {
  readonly ufrag: string
  readonly pwd: string
}

/** The first credentials of a description or fragment; all sections have the same (BUNDLE). */
export function credentialsOf(text: string): IceCredentials | undefined {
  const ufrag = /^a=ice-ufrag:(\S+)/m.exec(text)?.[1]
  const pwd = /^a=ice-pwd:(\S+)/m.exec(text)?.[1]
  return ufrag === undefined || pwd === undefined ? undefined : { ufrag, pwd }
}

/** The same description with the credentials of a fragment, if that has any. */
export function withCredentialsOf({ type, sdp }: SessionDescription, fragment: string): SessionDescription {
  const credentials = credentialsOf(fragment)
  if (credentials === undefined) return { type, sdp }
  const { ufrag, pwd } = credentials
  const named = sdp.replace(/^a=ice-ufrag:\S+/gm, `a=ice-ufrag:${ufrag}`)
  return { type, sdp: named.replace(/^a=ice-pwd:\S+/gm, `a=ice-pwd:${pwd}`) }
}

/** The fragment for one candidate of the browser's API; no candidate: there are no more. */
export function fragmentOf(description: string, init: IceCandidateInit): string {
  const credentials = credentialsOf(description)
  const line = (init.candidate ?? '').replace(/^a=/, '').trim()
  const section = sectionOf(description, init)
  return [
    ...(credentials === undefined ? [] : [`a=ice-ufrag:${credentials.ufrag}`, `a=ice-pwd:${credentials.pwd}`]),
    `m=${section.kind} 9 UDP/TLS/RTP/SAVPF 0`,
    `a=mid:${section.mid}`,
    line === '' ? 'a=end-of-candidates' : `a=${line}`,
    '',
  ].join('\r\n')
}

function sectionOf(description: string, init: IceCandidateInit): { readonly kind: string; readonly mid: string } {
  const sections = description.split(/^(?=m=)/m).slice(1)
  const wanted = sections.find((section) => midOf(section) === init.sdpMid) ?? sections[init.sdpMLineIndex ?? 0]
  const kind = /^m=(\S+)/.exec(wanted ?? '')?.[1] ?? 'audio'
  return { kind, mid: midOf(wanted ?? '') ?? '0' }
}

function midOf(section: string): string | undefined {
  return /^a=mid:(\S+)/m.exec(section)?.[1]
}
