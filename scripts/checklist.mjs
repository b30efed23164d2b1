// The conformance checklist, and the table in docs/conformance.md of the tests that show each of its lines.
//
// A test belongs to a line if its name begins with the line's number: `A5: …` in `__test__`, `c37_…` in the crates.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesBelow } from './sources.mjs'
import { root, StepError } from './steps.mjs'

const PAGE = 'docs/conformance.md'
const [BEGIN, END] = ['<!-- prettier-ignore-start -->', '<!-- prettier-ignore-end -->']

/** Number, whether a test must be there, and what the line asks for. */
const LINES = [
  ['A1', 'must', 'POST of a valid offer: exactly 201, `application/sdp` without parameters, CRLF lines from `v=0`'],
  ['A2', 'must', '`Location` is an absolute URL or path, whose session answers DELETE'],
  ['A3', 'must', 'a session’s name has at least 122 random bits'],
  ['A4', 'must', 'another content type is 415; an empty body or garbage is 400; nothing is left of it'],
  ['A5', 'must', 'the content type is taken with parameters and in any case'],
  ['A6', 'must', 'an offer that does not send is 4xx; sendonly and sendrecv are answered recvonly'],
  ['A7', 'must', 'DELETE is 200 and frees everything; the second one is 404; `If-Match` is ignored'],
  ['A8', 'must', 'OPTIONS without authorization: 2xx, CORS headers, `Authorization` listed, `Accept-Post`'],
  ['A9', 'must', '201, errors and PATCH carry the CORS headers'],
  ['A10', 'must', 'GET of endpoint and session: 2xx without content'],
  ['A11', 'must', 'no or a bad token is 401 with a challenge, the wrong scope 403; also on PATCH and DELETE'],
  ['A12', 'must', 'the 201 has a quoted strong ETag'],
  ['A13', 'must', 'trickle with the right `If-Match`: 204 without body and ETag'],
  ['A14', 'must', 'a missing `If-Match` is 428, a stale one 412; a lenient mode takes a missing one'],
  ['A15', 'must', '`If-Match: *` or `"*"` with unchanged credentials is trickle'],
  ['A16', 'must', 'changed credentials are a restart: 200, fragment, new credentials and ETag; media goes on'],
  ['A17', 'must', 'the restart’s reply repeats `ice-options` and `ice-lite`; the old ETag is 412'],
  ['A18', 'must', 'a restart that fails is an error, and the old ICE session goes on with its media'],
  ['A19', 'must', 'PATCH of another type is 415, malformed 400, too large 413'],
  ['A20', 'must', 'candidates that cannot be used are left out silently'],
  ['A21', 'must', 'fragments are taken in every client’s form'],
  ['A22', 'must', 'overlapping PATCHes in another order do no harm'],
  ['A23', 'must', '307 and never 301 or 302; 503 with `Retry-After` under overload and while draining'],
  ['A24', 'must', 'a `Link` line for each ICE server, in a form that every known parser reads'],
  ['A25', 'must', 'a preflight mints no TURN credentials'],
  ['A26', 'must', 'POST, PATCH and DELETE are limited; a session whose ICE or DTLS never starts is reaped'],
  [
    'A27',
    'must',
    'two tracks of a kind are 422; two MediaStream ids are taken; no common codec is 422 with both lists',
  ],
  ['A28', 'must', 'the query of an endpoint’s URL is kept; a token in it works'],
  ['A29', 'may', 'extensions are advertised only when enabled'],
  ['B30', 'must', 'a viewer’s offer: 201, sendonly, one MediaStream'],
  ['B31', 'must', 'no publisher: 409 with `Retry-After`'],
  ['B32', 'must', 'HEAD: 200 with `Content-Type: application/sdp` and no body'],
  ['B33', 'must', 'an empty body is 422, not 400'],
  ['B34', 'may', 'counter-offers by 406'],
  ['B35', 'may', 'server-sent events'],
  ['B36', 'may', 'selection of layers'],
  ['C37', 'must', 'the answer has the offer’s m-lines, mids and payload types'],
  ['C38', 'must', 'reviewed answers to the offers of all known clients'],
  ['C39', 'must', 'OBS: all rids in one `a=simulcast:recv` line, with the RID and MID extensions'],
  ['C40', 'must', 'the DTLS role follows from `a=setup`'],
  ['C41', 'must', 'ICE and DTLS attributes of the session level hold, those of a section come first'],
  ['C42', 'must', 'odd `ice-options`, `group:LS`, unknown attributes and absent mids in BUNDLE are tolerated'],
  ['C43', 'must', '`rtcp-mux`, `rtcp-mux-only`; `rtcp-rsize` and `extmap-allow-mixed` where offered'],
  ['C44', 'must', 'one m-line without BUNDLE is taken; two are 422; none is 400'],
  ['C45', 'must', 'only offered extensions are answered, with their ids up to 255 and directions'],
  ['C46', 'must', 'H.264 by profile and packetization mode whatever the level; H.265, AV1 and VP9 profiles'],
  ['C47', 'must', 'rtx only with its main format, RED only with Opus, FEC dropped'],
  ['C48', 'must', 'the best UDP host candidate first, readable for FFmpeg; then TCP; `end-of-candidates`'],
  ['C49', 'must', 'simulcast: paused and alternative rids, restrictions, the order of `a=simulcast`'],
  ['C50', 'must', 'no extension id changes its meaning in a later description'],
  ['C51', 'must', 'no input makes the parsers fail otherwise than by refusing, in linear time and bounded size'],
  ['D52', 'must', 'the vectors of RFC 5769 are read, verified and written'],
  ['D53', 'must', 'a client without candidates connects, with a lite and with a full agent'],
  ['D54', 'must', 'wrong MESSAGE-INTEGRITY is 401, none is 400, another’s username nothing; nothing is amplified'],
  ['D55', 'must', 'checks without PRIORITY and role, and responses without XOR-MAPPED-ADDRESS, are taken (FFmpeg)'],
  ['D56', 'must', 'unknown optional attributes are ignored, unknown required ones are 420 with their list'],
  ['D57', 'must', 'role conflicts are settled in both directions'],
  ['D58', 'must', 'without an authentic check for 30 s a session ends; inbound checks alone keep it alive'],
  ['D59', 'must', 'a check from a new address moves the media without a restart'],
  ['D60', 'must', 'after the end no check is answered, and the peer is told by close_notify'],
  ['D61', 'must', 'STUN of any bytes does no harm; messages up to the MTU, with DTLS inside, are taken'],
  ['D62', 'must', 'ICE-TCP with the framing of RFC 4571; IPv6'],
  ['E63', 'must', 'a ClientHello in pieces, in any order, doubled and overlapping'],
  ['E64', 'must', 'a ClientHello of a new browser: post-quantum groups, unknown algorithms, shuffled extensions'],
  ['E65', 'must', 'other implementations in both roles, at 0, 5 and 20 % loss and 500 ms'],
  ['E66', 'must', 'a wrong fingerprint ends the session before any media; several fingerprints; any case'],
  ['E67', 'must', 'the best SRTP profile that both have; the mandatory one alone; none in common'],
  ['E68', 'must', 'the exporter’s keys are those of OpenSSL for each profile and role'],
  ['E69', 'must', 'DTLS before ICE is kept; records of DTLS 1.3 are DTLS'],
  ['E70', 'must', 'DTLS of any bytes does no harm; what waits for its rest is bounded'],
  ['E71', 'may', 'DTLS 1.3'],
  ['F72', 'must', 'the vectors of RFC 3711 and RFC 7714; SRTCP; replay and rollover'],
  ['F73', 'must', 'libsrtp understands us and we it, with loss and reordering around every wrap'],
  ['F74', 'must', 'RTP and RTCP are told apart by RFC 5761; odd headers are parsed or dropped'],
  ['F75', 'must', 'simulcast by SSRC, by MID and RID on the first packet, on padding, undeclared, RRID for RTX'],
  ['F76', 'must', 'RTX gives back the original number, apt is mapped; NACKs are answered by RTX or by repetition'],
  ['F77', 'must', 'SSRC, payload type, numbers, time and MID are the viewer’s; extensions of one hop are stripped'],
  ['F78', 'must', 'key frame requests are relayed and throttled; key frames of every codec; switches at key frames'],
  ['F79', 'must', 'transport-wide feedback is as others write it, with wraps and gaps; REMB without it'],
  ['F80', 'must', 'sender reports keep the publisher’s clock through switches; one CNAME; sound and picture in step'],
  ['F81', 'must', 'reduced-size, compound, BYE, XR, APP and unknown RTCP are taken'],
  ['F82', 'must', 'a publisher that ignores NACK is asked for a key frame within bounded time'],
  [
    'F83',
    'must',
    'dependency descriptors and two-byte extensions are forwarded byte by byte; abs-capture-time is kept',
  ],
]

/** Fails if a line that must be shown has no test, a test has an unknown number, or the page is stale. */
export function checkChecklist() {
  const { page, problems } = rendered()
  if (page !== readFileSync(join(root, PAGE), 'utf8')) problems.push(`${PAGE} is stale: npm run fix`)
  if (problems.length > 0) throw new StepError('checklist', `\n  ${problems.join('\n  ')}`)
}

/** Writes the table into the page. */
export function writeChecklist() {
  writeFileSync(join(root, PAGE), rendered().page)
}

function rendered() {
  const tests = [...testsOfApi(), ...testsOfCrates()]
  const known = new Set(LINES.map(([number]) => number))
  const problems = [
    ...tests.filter(({ number }) => !known.has(number)).map(({ file, name }) => `${file}: no such line: ${name}`),
    ...LINES.filter(([number, need]) => need === 'must' && !tests.some((one) => one.number === number)).map(
      ([number, , line]) => `no test shows ${number}: ${line}`,
    ),
  ]
  const text = readFileSync(join(root, PAGE), 'utf8')
  const [before, rest] = text.split(BEGIN)
  const after = rest?.split(END)[1]
  if (after === undefined) throw new StepError('checklist', `${PAGE} has no place for the table`)
  const rows = LINES.map(([number, , line]) =>
    row(
      number,
      line,
      tests.filter((one) => one.number === number),
    ),
  )
  const table = ['| line | asks for | shown by |', '| --- | --- | --- |', ...rows].join('\n')
  return { page: `${before}${BEGIN}\n\n${table}\n\n${END}${after}`, problems }
}

function row(number, line, tests) {
  const files = [...new Set(tests.map(({ file }) => file))]
  const shown = files.map((file) => {
    const names = tests.filter((one) => one.file === file).map(({ name }) => name.replaceAll('|', '\\|'))
    return `\`${file}\`: ${names.join('; ')}`
  })
  return `| ${number} | ${line} | ${shown.join('<br>')} |`
}

function testsOfApi() {
  return filesBelow('__test__')
    .filter((file) => file.endsWith('.spec.ts'))
    .flatMap((file) =>
      [...read(file).matchAll(/\btest(?:\.serial)?\(\s*(['`])([A-F]\d+): (.*?)\1,|\[\s*'([A-F]\d+): (.*?)',/gs)].map(
        ([, , number, name, rowNumber, rowName]) => ({
          file,
          number: number ?? rowNumber,
          name: (name ?? rowName).replaceAll(/\$\{[^}]*\}/g, '…'),
        }),
      ),
    )
}

function testsOfCrates() {
  return filesBelow('crates')
    .filter((file) => file.endsWith('.rs'))
    .flatMap((file) =>
      [...read(file).matchAll(/fn ([a-f]\d+)_(\w+)\(/g)].map(([, number, name]) => ({
        file,
        number: number.toUpperCase(),
        name: name.replaceAll('_', ' '),
      })),
    )
}

function read(file) {
  return readFileSync(join(root, file), 'utf8')
}
