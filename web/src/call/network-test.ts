/**
 * The test of the way between this browser and a call: the socket, STUN, TURN in each way, and a loop through relays.
 *
 * `planLegs` and `judge` are pure; `runNetworkTest` walks the legs with everything it touches injected.
 */
import type { IceServer } from '@/protocol/messages'
import { loop, reachStun, reachTurn, type CreateConnection, type Fault, type Finding } from './network-legs'

export type LegKind = 'signaling' | 'servers' | 'stun' | 'udp' | 'tcp' | 'tls' | 'loop'
export type LegState = 'waiting' | 'running' | 'passed' | 'failed' | 'skipped'

export interface Leg {
  readonly kind: LegKind
  /** The address that is tried, where there is one. */
  readonly url: string | null
  readonly state: LegState
  readonly ms: number | null
  readonly fault: Fault | null
}

/** What the legs mean for a call, the worst first. */
export type Verdict =
  | 'noSignaling'
  | 'noServers'
  | 'relaysRefused'
  | 'nothingGetsOut'
  | 'noRelay'
  | 'relayLeadsNowhere'
  | 'noUdp'
  | 'someRelaysFail'
  | 'noStun'
  | 'noRelaysConfigured'
  | 'good'

export interface NetworkTestOptions {
  readonly openSocket: (signal: AbortSignal) => Promise<void>
  readonly readServers: () => Promise<readonly IceServer[]>
  readonly createConnection: CreateConnection
  readonly now: () => number
  readonly onChange: (legs: readonly Leg[]) => void
  readonly signal: AbortSignal
}

/** How long one leg may take: longer than a slow network needs, shorter than people wait. */
export const LEG_TIMEOUT_MS = 10_000

const RELAYS: readonly LegKind[] = ['udp', 'tcp', 'tls']
const START: readonly Leg[] = [waiting('signaling'), waiting('servers')]

/** The legs after the list of servers is known: one for STUN, one per TURN address, and the loop where relays are. */
export function planLegs(servers: readonly IceServer[]): Leg[] {
  const urls = servers.flatMap((server) => server.urls)
  const stun = urls.filter((url) => /^stuns?:/.test(url)).slice(0, 1)
  const turn = urls.filter((url) => /^turns?:/.test(url))
  return [
    ...stun.map((url) => waiting('stun', url)),
    ...turn.map((url) => waiting(transportOf(url), url)),
    ...(turn.length > 0 ? [waiting('loop')] : []),
  ]
}

/** How a TURN address is reached (RFC 7065 §3.1). */
export function transportOf(url: string): 'udp' | 'tcp' | 'tls' {
  if (url.startsWith('turns:')) return 'tls'
  return /[?&]transport=tcp\b/.test(url) ? 'tcp' : 'udp'
}

/** What the finished legs mean. */
export function judge(legs: readonly Leg[]): Verdict {
  const failed = (...kinds: readonly LegKind[]) =>
    legs.filter((leg) => kinds.includes(leg.kind) && leg.state === 'failed')
  const passed = (...kinds: readonly LegKind[]) =>
    legs.some((leg) => kinds.includes(leg.kind) && leg.state === 'passed')
  const relays = legs.filter((leg) => RELAYS.includes(leg.kind))
  if (failed('signaling').length > 0) return 'noSignaling'
  if (failed('servers').length > 0) return 'noServers'
  if (relays.length > 0 && !passed(...RELAYS)) {
    if (failed(...RELAYS).some((leg) => leg.fault === 'refused')) return 'relaysRefused'
    return passed('stun') ? 'noRelay' : 'nothingGetsOut'
  }
  if (failed('loop').length > 0) return 'relayLeadsNowhere'
  if (failed('udp').length > 0 && !passed('udp')) return 'noUdp'
  if (failed(...RELAYS).length > 0) return 'someRelaysFail'
  if (failed('stun').length > 0) return 'noStun'
  return relays.length > 0 ? 'good' : 'noRelaysConfigured'
}

/** Walk all legs, telling each change. Resolves with the finished legs; never rejects. */
export async function runNetworkTest(options: NetworkTestOptions): Promise<readonly Leg[]> {
  let legs = START
  const set = (index: number, change: Partial<Leg>) => {
    legs = legs.map((leg, at) => (at === index ? { ...leg, ...change } : leg))
    if (!options.signal.aborted) options.onChange(legs)
  }
  const walk = async (index: number, work: () => Promise<Finding>): Promise<boolean> => {
    set(index, { state: 'running' })
    const finding = await work()
    if (finding.ok) set(index, { state: 'passed', ms: Math.round(finding.ms) })
    else set(index, { state: 'failed', fault: finding.fault })
    return finding.ok
  }
  let servers: readonly IceServer[] = []
  // The list comes over HTTP, so that it tells apart "no way to the server" and "no socket to the server".
  const socket = await walk(0, () => timed(options, options.openSocket))
  const listed = await walk(1, () => timed(options, async () => void (servers = await options.readServers())))
  if (!socket || !listed) return legs
  legs = [...legs, ...planLegs(servers)]
  await walkIce(legs, servers, options, walk, set)
  return legs
}

async function walkIce(
  legs: readonly Leg[],
  servers: readonly IceServer[],
  options: NetworkTestOptions,
  walk: (index: number, work: () => Promise<Finding>) => Promise<boolean>,
  set: (index: number, change: Partial<Leg>) => void,
): Promise<void> {
  const { createConnection, now, signal } = options
  const settings = { createConnection, now, signal, timeoutMs: LEG_TIMEOUT_MS }
  const working: IceServer[] = []
  for (const [index, { kind, url }] of legs.entries()) {
    if (signal.aborted) return
    if (url !== null) {
      const server = single(servers, url)
      const ok = await walk(index, () => (kind === 'stun' ? reachStun : reachTurn)(server, settings))
      if (ok && kind !== 'stun') working.push(server)
    } else if (kind === 'loop') {
      if (working.length === 0) set(index, { state: 'skipped' })
      else await walk(index, () => loop(working, settings))
    }
  }
}

/** One address of the list with the credentials that belong to it. */
function single(servers: readonly IceServer[], url: string): IceServer {
  const owner = servers.find((server) => server.urls.includes(url))
  return { ...owner, urls: [url] }
}

async function timed(
  { now, signal }: NetworkTestOptions,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<Finding> {
  const started = now()
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(), LEG_TIMEOUT_MS)
  const tooLate = new Promise<Fault>((resolve) =>
    deadline.signal.addEventListener('abort', () => resolve('timeout')),
  )
  const stop = () => deadline.abort()
  signal.addEventListener('abort', stop)
  try {
    const done = work(deadline.signal).then(
      () => null,
      (): Fault => 'unreachable',
    )
    const fault = await Promise.race([done, tooLate])
    return fault === null ? { ok: true, ms: now() - started } : { ok: false, fault }
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
}

function waiting(kind: LegKind, url: string | null = null): Leg {
  return { kind, url, state: 'waiting', ms: null, fault: null }
}
