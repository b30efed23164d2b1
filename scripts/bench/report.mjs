// Tables, medians and the conditions under which a figure counts.

import { execFileSync } from 'node:child_process'
import { cpus, release } from 'node:os'
import { root } from '../steps.mjs'

/** Collects rows, warnings and what makes the figures void, and prints them. */
export class Report {
  #title
  #changed
  #rows = []
  #warnings = new Set()
  #void = new Set()

  /** `changed`: flags whose aims are for the default only; if there are any, nothing is judged. */
  constructor(title, changed = []) {
    this.#title = title
    this.#changed = changed
  }

  /** One figure. `aim` is what it should be; `holds` whether it is. */
  row(figure, value, { remark = '', aim = '', holds } = {}) {
    const verdict = holds === undefined || this.#changed.length > 0 ? '' : holds ? '✓' : '✗'
    this.#rows.push([figure, value, remark, aim, verdict])
  }

  warn(text) {
    this.#warnings.add(text)
  }

  /** The figures do not count: the run ends with an error. */
  refuse(text) {
    this.#void.add(text)
  }

  /** Takes the generator's warnings and checks that everything sent has arrived, once. */
  checkWindow(window, warnings, name) {
    const delivered = window.server.delivered_ratio
    if (delivered < 0.999 || delivered > 1.001) this.refuse(`${name}: ${percent(delivered, 3)} delivered`)
    if (window.hot.corrupt > 0) this.refuse(`${name}: ${window.hot.corrupt} packets with a changed payload`)
    if (window.host.other_pct > 5)
      this.warn(`${name}: other processes used ${window.host.other_pct.toFixed(0)} % of a CPU`)
    for (const warning of warnings ?? []) if (!warning.startsWith('other processes')) this.warn(`${name}: ${warning}`)
  }

  /** The same for many streams, whose publishers pause at the edges of the window: every packet has arrived, or not. */
  checkStreams(found, name) {
    const { server, host, errors, starved, corrupt, lost } = found
    if (server.packets_expected > 0 && Math.abs(server.delivered_ratio - 1) > 0.001)
      this.refuse(`${name}: ${percent(server.delivered_ratio, 3)} delivered`)
    if (corrupt > 0) this.refuse(`${name}: ${corrupt} packets with a changed payload`)
    if (starved + lost > 0) this.warn(`${name}: ${starved} viewers not served exactly, probes lost ${lost}`)
    if (host.other_pct > 5) this.warn(`${name}: other processes used ${host.other_pct.toFixed(0)} % of a CPU`)
    if (host.generator_pct > 80) this.warn(`${name}: the generator used ${host.generator_pct.toFixed(0)} % of its CPU`)
    for (const [text, count] of Object.entries(errors)) this.refuse(`${name}: ${count} × ${text}`)
  }

  print() {
    console.log(`\n${this.#title}\n${machine()}\n`)
    const rows = [['figure', 'value', '', 'aim', ''], ...this.#rows]
    const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column].length)))
    for (const [figure, value, remark, aim, verdict] of rows) {
      const cells = [
        figure.padEnd(widths[0]),
        value.padStart(widths[1]),
        remark.padEnd(widths[2]),
        aim.padEnd(widths[3]),
      ]
      console.log(`${cells.join('  ')}  ${verdict}`.trimEnd())
    }
    if (this.#rows.some(([, , , aim]) => aim !== '') && this.#changed.length > 0)
      console.log(`not judged: the aims are for the defaults, not for ${this.#changed.join(' ')}`)
    if (this.#rows.some((row) => row[4] === '✗'))
      console.log('✗: an aim is missed; only void figures make the run fail')
    for (const warning of this.#warnings) console.log(`warning: ${warning}`)
    for (const reason of this.#void) console.log(`void: ${reason}`)
    if (this.#void.size > 0) process.exitCode = 1
  }
}

/** The processor, the kernel and what runs on them. */
export function machine() {
  const [first] = cpus()
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim()
  const date = new Date().toISOString().slice(0, 16)
  return `${cpus().length} × ${first?.model ?? 'CPU'}, Linux ${release()}, Node ${process.versions.node}, ${commit}, ${date} UTC`
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** `median (least–most)` of several rounds, each printed by `format`. */
export function spread(values, format) {
  const text = format(median(values))
  if (values.length < 2) return text
  return `${text} (${format(Math.min(...values))}–${format(Math.max(...values))})`
}

export function thousands(value) {
  return `${(value / 1000).toFixed(1)} k`
}

export function percent(value, digits = 1) {
  return `${(100 * value).toFixed(digits)} %`
}
