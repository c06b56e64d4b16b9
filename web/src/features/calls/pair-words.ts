/** The connection between two members in words and numbers. */
import type {
  AttemptKind,
  CallAttempt,
  CallPair,
  CallQuality,
  CandidateCounts,
  Outcome,
  SelectedPair,
  SideReport,
  Spread,
} from '@/api/call-record'
import { formatLength } from '@/lib/time'

export const UNKNOWN = '–'

const OUTCOMES: Readonly<Record<Outcome, string>> = {
  connecting: 'Looking for a path',
  connected: 'Connected',
  failed: 'No path found',
  timeout: 'No path in time',
  abandoned: 'Given up',
  unreported: 'Not reported',
}

export function describeOutcome(outcome: Outcome = 'connecting'): string {
  return OUTCOMES[outcome]
}

const ATTEMPTS: Readonly<Record<AttemptKind, string>> = {
  initial: 'First attempt',
  ice_restart: 'Attempt at another path',
  rebuild: 'Attempt with a new connection',
}

export function describeAttempt(kind: AttemptKind): string {
  return ATTEMPTS[kind]
}

/** The numbers of a pair with their names, in the order they are shown. */
export function listPairNumbers(pair: CallPair): readonly (readonly [name: string, value: string])[] {
  const { attempts = [], moreAttempts = 0 } = pair
  const sides = Object.values(pair.quality ?? {})
  return [
    ['Setup', describeSetup(pair)],
    ['Path', describePathOf(pair)],
    ['Delay', describeSpread(worstOf(sides.map(({ rttMs }) => rttMs)), 'ms')],
    ['Loss', describeSpread(worstOf(sides.flatMap(({ lossIn, lossOut }) => [lossIn, lossOut])), '%')],
    ['Freezes', sides.length === 0 ? UNKNOWN : describeFreezes(sides)],
    ['Attempts', String(attempts.length + moreAttempts)],
  ]
}

/** How long it took from the first attempt to the first path, whichever attempt found it, or that none came. */
function describeSetup({ attempts = [], connectedAt }: CallPair): string {
  const first = attempts[0]
  const foundAt = attempts.find(({ outcome }) => outcome === 'connected')?.settledAt ?? connectedAt
  // A first attempt that the record did not keep leaves another in its place.
  if (first?.kind !== 'initial' || foundAt == null) return UNKNOWN
  return formatMoment(foundAt - first.startedAt)
}

/** "0.8 s": short times with a decimal, as they are felt. */
export function formatMoment(ms: number): string {
  return ms < 10_000 ? `${(Math.max(0, ms) / 1000).toFixed(1)} s` : formatLength(ms)
}

/** The path that media took last, as both sides tell it. */
function describePathOf({ attempts = [], quality = {} }: CallPair): string {
  const settled = attempts.filter(({ outcome }) => outcome === 'connected').at(-1)
  const told = Object.values(quality).map(({ pair }) => pair)
  const reported = Object.values(settled?.reports ?? {}).map(({ pair }) => pair)
  const paths = [...told, ...reported].filter((path) => path != null)
  return paths.length === 0 ? UNKNOWN : describePath(paths)
}

/** "directly", or over whose protocol a TURN server is reached: only the side that uses one knows. */
export function describePath(sides: readonly SelectedPair[]): string {
  const relayed = sides.some(({ local, remote }) => local === 'relay' || remote === 'relay')
  const plain = sides.find(({ protocol }) => protocol)?.protocol
  if (!relayed) return plain === 'tcp' ? 'directly (tcp)' : 'directly'
  const hops = new Set(sides.map(({ local, relayProtocol }) => (local === 'relay' && relayProtocol) || ''))
  const known = [...hops].filter(Boolean).sort()
  return known.length > 0 ? `over TURN (${known.join(', ')})` : 'over TURN'
}

/** Of what both sides measured, the one that was worse. */
function worstOf(spreads: readonly (Spread | null | undefined)[]): Spread | null {
  const known = spreads.filter((spread) => spread != null)
  return known.length === 0 ? null : known.reduce((worse, spread) => (spread[1] > worse[1] ? spread : worse))
}

/** "42 ms, up to 180 ms". */
export function describeSpread(spread: Spread | null | undefined, unit: 'ms' | '%'): string {
  if (!spread) return UNKNOWN
  const [mean, worst] = spread.map((value) => formatIn(value, unit))
  return mean === worst ? `${mean}` : `${mean}, up to ${worst}`
}

function formatIn(value: number, unit: 'ms' | '%'): string {
  return unit === 'ms' ? `${Math.round(value)} ms` : `${Math.round(value * 1_000) / 10} %`
}

function describeFreezes(sides: readonly CallQuality[]): string {
  const count = sides.reduce((sum, { freezes = 0 }) => sum + freezes, 0)
  const frozenMs = sides.reduce((sum, side) => sum + (side.frozenMs ?? 0), 0)
  if (count === 0) return 'none'
  return frozenMs > 0 ? `${count}, ${formatMoment(frozenMs)}` : String(count)
}

/** When it was settled, from its start; empty while it is not. */
export function describeTook({ startedAt, settledAt }: CallAttempt): string {
  return settledAt == null ? '' : `after ${formatMoment(settledAt - startedAt)}`
}

/** What one side told of an attempt: each a name and a value; what it did not tell is left out. */
export function listReport(report: SideReport): readonly (readonly [name: string, value: string])[] {
  const { local, remote, gatheringMs, iceMs, elapsedMs, serverErrors = [] } = report
  const rows: [string, string | null][] = [
    ['Own addresses', local ? countCandidates(local) : null],
    ['Other’s addresses', remote ? countCandidates(remote) : null],
    ['Gathered after', gatheringMs == null ? null : formatMoment(gatheringMs)],
    ['ICE after', iceMs == null ? null : formatMoment(iceMs)],
    ['Last report after', elapsedMs == null ? null : formatMoment(elapsedMs)],
    ['STUN and TURN errors', serverErrors.length > 0 ? serverErrors.join(', ') : null],
  ]
  return rows.filter((row): row is [string, string] => row[1] !== null)
}

const CANDIDATES = [
  ['host', 'local'],
  ['srflx', 'public'],
  ['prflx', 'found on the way'],
  ['relay', 'TURN'],
] as const

/** "2 local, 1 TURN", or "none". */
export function countCandidates(counts: CandidateCounts): string {
  const known = CANDIDATES.filter(([type]) => counts[type])
  return known.length === 0 ? 'none' : known.map(([type, words]) => `${counts[type]} ${words}`).join(', ')
}

/** How media reached one side; what it did not measure is left out. */
export function listQuality(quality: CallQuality): readonly (readonly [name: string, value: string])[] {
  const { rttMs, jitterMs, lossIn, lossOut, bitrateIn, bitrateOut } = quality
  const rows: [string, string | null][] = [
    ['Delay', rttMs ? describeSpread(rttMs, 'ms') : null],
    ['Jitter', jitterMs ? describeSpread(jitterMs, 'ms') : null],
    ['Lost on the way in', lossIn ? describeSpread(lossIn, '%') : null],
    ['Lost on the way out', lossOut ? describeSpread(lossOut, '%') : null],
    ['Receiving', bitrateIn == null ? null : formatBitrate(bitrateIn)],
    ['Sending', bitrateOut == null ? null : formatBitrate(bitrateOut)],
    ['Freezes', describeFreezes([quality])],
    ['Held back by', describeLimits(quality)],
  ]
  return rows.filter((row): row is [string, string] => row[1] !== null)
}

function formatBitrate(bitsPerSecond: number): string {
  return bitsPerSecond < 1_000_000
    ? `${Math.round(bitsPerSecond / 1_000)} kbit/s`
    : `${(bitsPerSecond / 1_000_000).toFixed(1)} Mbit/s`
}

/** What kept the own picture from being better, and for how much of the call; null when nothing did. */
function describeLimits({
  digests = 0,
  limitedByCpu = 0,
  limitedByBandwidth = 0,
}: CallQuality): string | null {
  const share = (count: number) => `${Math.round((count / Math.max(digests, count)) * 100)} %`
  const limits = [
    limitedByCpu > 0 && `the machine (${share(limitedByCpu)} of the time)`,
    limitedByBandwidth > 0 && `the network (${share(limitedByBandwidth)} of the time)`,
  ].filter(Boolean)
  return limits.length === 0 ? null : limits.join(', ')
}
