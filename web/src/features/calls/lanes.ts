/** What the drawing of a call shows: a lane for each member and for each pair of them. */
import type {
  CallEvent,
  CallEventKind,
  CallMember,
  CallPair,
  CallRecord,
  LeaveReason,
  Outcome,
} from '@/api/call-record'
import type { Stretch } from './scale'

/** `here`, `away`: of a member. The others: of the path between two. */
export type State =
  'here' | 'away' | 'connecting' | 'connected' | 'interrupted' | 'recovering' | 'failed' | 'unknown'

export interface StateStretch extends Stretch {
  readonly state: State
}

export type Lane = {
  readonly key: string
  readonly stretches: readonly StateStretch[]
  /** Moments worth a mark of their own, in order. */
  readonly events: readonly CallEvent[]
} & (
  | { readonly of: 'member'; readonly member: CallMember }
  | { readonly of: 'pair'; readonly pair: CallPair }
  /** Those who were kept out while the call ran. */
  | { readonly of: 'door' }
)

export function isRunning({ endedAt, interrupted = false }: CallRecord): boolean {
  return endedAt == null && !interrupted
}

/** From the first join to the last sign of life, and never so short that it cannot be drawn. */
export function wholeCall(record: CallRecord, now: number): Stretch {
  const { startedAt, endedAt, events = [] } = record
  const last = Math.max(events.at(-1)?.at ?? startedAt, isRunning(record) ? now : startedAt)
  return { from: startedAt, to: Math.max(endedAt ?? last, startedAt + SHORTEST_MS) }
}

const SHORTEST_MS = 1_000

export function memberLanes(record: CallRecord, end: number): Lane[] {
  const { members = [], events = [] } = record
  return members.map((member) => {
    const own = events.filter((event) => event.member === member.id)
    return {
      of: 'member',
      key: member.id,
      member,
      stretches: presenceOf(member, own, end),
      events: own.filter((event) => isMarkOfMember(event)),
    }
  })
}

/** Here from join to leave, away where the connection to the server was lost. */
function presenceOf(member: CallMember, events: readonly CallEvent[], end: number): StateStretch[] {
  const changes: Change[] = [{ at: member.joinedAt, state: 'here' }]
  for (const { at, kind } of events) {
    if (kind === 'lost') changes.push({ at, state: 'away' })
    if (kind === 'back') changes.push({ at, state: 'here' })
  }
  return stretchesOf(changes, member.leftAt ?? end)
}

const PLAIN_LEAVES: ReadonlySet<string> = new Set<LeaveReason>(['left', 'ended'])

function isMarkOfMember({ kind, detail = '' }: CallEvent): boolean {
  if (kind === 'leave') return detail !== '' && !PLAIN_LEAVES.has(detail)
  return kind === 'lost' || kind === 'back' || kind === 'media_error' || kind === 'role'
}

const OF_PAIRS: ReadonlySet<CallEventKind> = new Set<CallEventKind>([
  'connected',
  'disconnected',
  'failed',
  'timeout',
  'abandoned',
  'ice_restart',
  'rebuild',
])

export function pairLanes(record: CallRecord, end: number): Lane[] {
  const { pairs = [], members = [], events = [] } = record
  const leaves = new Map(members.map(({ id, leftAt }) => [id, leftAt ?? end]))
  const byPair = groupByPair(events.filter(({ kind }) => OF_PAIRS.has(kind)))
  return pairs.map((pair) => {
    const own = byPair.get(pairKey(pair.a, pair.b)) ?? []
    const until = Math.min(leaves.get(pair.a) ?? end, leaves.get(pair.b) ?? end)
    return {
      of: 'pair',
      key: pairKey(pair.a, pair.b),
      pair,
      stretches: statesOf(pair, own, until),
      events: own,
    }
  })
}

function groupByPair(events: readonly CallEvent[]): Map<string, CallEvent[]> {
  const groups = new Map<string, CallEvent[]>()
  for (const event of events) {
    const key = pairKey(event.member ?? '', event.other ?? '')
    groups.set(key, [...(groups.get(key) ?? []), event])
  }
  return groups
}

/** The same for both directions. */
export function pairKey(one: string, other: string): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`
}

interface Change {
  readonly at: number
  readonly state: State | null
}

const AFTER: Readonly<Record<Outcome, State | null>> = {
  connecting: 'connecting',
  connected: 'connected',
  failed: 'failed',
  timeout: 'failed',
  abandoned: null,
  unreported: 'unknown',
}

/** What the path between two was when: from its attempts, and from what happened between them. */
function statesOf(pair: CallPair, events: readonly CallEvent[], until: number): StateStretch[] {
  const changes: Change[] = []
  for (const { kind, startedAt, settledAt, outcome = 'connecting' } of pair.attempts ?? []) {
    const foreign = outcome === 'unreported'
    changes.push({
      at: startedAt,
      state: foreign ? 'unknown' : kind === 'initial' ? 'connecting' : 'recovering',
    })
    if (settledAt != null) changes.push({ at: settledAt, state: AFTER[outcome] })
  }
  for (const { at, kind } of events) {
    if (kind === 'disconnected') changes.push({ at, state: 'interrupted' })
    if (kind === 'connected') changes.push({ at, state: 'connected' })
    if (kind === 'failed' || kind === 'timeout') changes.push({ at, state: 'failed' })
  }
  return stretchesOf(changes, until)
}

/** Each change holds until the next one; what does not change anything makes no stretch of its own. */
function stretchesOf(changes: readonly Change[], until: number): StateStretch[] {
  const sorted = changes.filter(({ at }) => at <= until).sort((one, other) => one.at - other.at)
  const stretches: StateStretch[] = []
  for (const [index, { at, state }] of sorted.entries()) {
    const to = sorted[index + 1]?.at ?? until
    const before = stretches.at(-1)
    if (state === null || (to === at && index < sorted.length - 1)) continue
    if (before?.state === state && before.to === at) stretches[stretches.length - 1] = { ...before, to }
    else stretches.push({ from: at, to, state })
  }
  return stretches
}

/** Those who were kept out, or null when nobody was. */
export function doorLane({ events = [] }: CallRecord): Lane | null {
  const refused = events.filter(({ kind }) => kind === 'refused' || kind === 'unreachable')
  return refused.length > 0 ? { of: 'door', key: 'door', stretches: [], events: refused } : null
}

const TROUBLED: ReadonlySet<State> = new Set<State>(['interrupted', 'recovering', 'failed'])

/** Whether a pair deserves a look before others. */
export function isTroubled({ stretches }: Pick<Lane, 'stretches'>): boolean {
  return stretches.some(({ state }) => TROUBLED.has(state))
}
