// Networks for browsers: a viewer's machine behind a router, each in a network namespace of its own, as in
//
//   the tests  10.78.0.1 ── 10.78.0.2  router  10.79.0.1 ── 10.79.0.2  viewer
//
// It takes the rights that `npm test` has in the namespace where it runs the browsers.

import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'

/** Where servers listen for viewers behind the router. */
export const SERVER = '10.78.0.1'
/** The router's address as servers see it. */
export const ROUTER = '10.78.0.2'
/** The viewer's machine in its own network. */
export const VIEWER = '10.79.0.2'

const IP = process.env['XRTC_IP'] ?? '/usr/sbin/ip'
const NFT = process.env['XRTC_NFT'] ?? '/usr/sbin/nft'

/** A network namespace, held by a process that does nothing. */
export class Namespace {
  readonly #holder: ChildProcess

  private constructor(holder: ChildProcess) {
    this.#holder = holder
  }

  static async make(t: ExecutionContext): Promise<Namespace> {
    const holder = spawn('unshare', ['--net', 'sh', '-c', 'echo ready; exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    t.teardown(() => holder.kill())
    await once(holder.stdout, 'data')
    return new Namespace(holder)
  }

  get pid(): string {
    return String(this.#holder.pid)
  }

  /** Runs `ip` in it, with these words. */
  ip(words: string): void {
    execFileSync('nsenter', ['--net', '--target', this.pid, IP, ...words.split(' ')])
  }

  /** Replaces the rules of its firewall. */
  nft(rules: string): void {
    execFileSync('nsenter', ['--net', '--target', this.pid, NFT, '-f', '-'], { input: `flush ruleset\n${rules}` })
  }

  sysctl(name: string, value: string): void {
    const path = `/proc/sys/net/${name.replaceAll('.', '/')}`
    execFileSync('nsenter', ['--net', '--target', this.pid, 'sh', '-c', `echo ${value} > ${path}`])
  }

  /** A program that runs `program` in it. */
  wrap(t: ExecutionContext, program: string): string {
    const folder = mkdtempSync(join(tmpdir(), 'xrtc-network-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    const path = join(folder, 'program')
    writeFileSync(path, `#!/bin/sh\nexec nsenter --net --target ${this.pid} ${program} "$@"\n`)
    chmodSync(path, 0o755)
    return path
  }
}

/** A viewer's machine and the router between it and the server. */
export interface Network {
  readonly router: Namespace
  readonly viewer: Namespace
}

/** Lays the cables. The router passes on everything and hides nothing. */
export async function makeNetwork(t: ExecutionContext): Promise<Network> {
  const [router, viewer] = await Promise.all([Namespace.make(t), Namespace.make(t)])
  const here = (words: string): unknown => execFileSync(IP, words.split(' '))
  here(`link add wan0 type veth peer name wan netns ${router.pid}`)
  t.teardown(() => here('link delete wan0'))
  here(`address add ${SERVER}/24 dev wan0`)
  here('link set wan0 up')
  here(`route add 10.79.0.0/24 via ${ROUTER}`)
  router.ip('link set lo up')
  router.ip(`address add ${ROUTER}/24 dev wan`)
  router.ip('link set wan up')
  router.ip(`link add lan type veth peer name eth0 netns ${viewer.pid}`)
  router.ip('address add 10.79.0.1/24 dev lan')
  router.ip('link set lan up')
  router.sysctl('ipv4.ip_forward', '1')
  viewer.ip('link set lo up')
  viewer.ip('link set eth0 up')
  giveAddress(viewer, VIEWER)
  return { router, viewer }
}

/** The viewer's machine gets this address and a way out. */
export function giveAddress(viewer: Namespace, address: string): void {
  viewer.ip(`address add ${address}/24 dev eth0`)
  viewer.ip(`route replace default via 10.79.0.1 dev eth0 src ${address}`)
}

/** Another port outside for each address that is spoken to: a symmetric NAT. */
export const SYMMETRIC_NAT = `table ip nat {
  chain out { type nat hook postrouting priority srcnat; oifname "wan" masquerade fully-random; }
}`

/** Nothing but TCP gets through. */
export const NO_UDP = `table inet filter {
  chain through { type filter hook forward priority filter; meta l4proto udp drop; }
}`

/** Of UDP, nothing gets through but what goes to or from one port. */
export const ONE_UDP_PORT = (port: number): string => `table inet filter {
  chain through {
    type filter hook forward priority filter;
    udp dport ${port} accept
    udp sport ${port} accept
    meta l4proto udp drop
  }
}`

/** Nothing but connections to one port gets out. */
export const ONE_PORT = (port: number): string => `table inet filter {
  chain through {
    type filter hook forward priority filter; policy drop;
    tcp dport ${port} accept
    ct state established accept
  }
}`
