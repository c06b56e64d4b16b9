/** The calls of a room as a list: put together from pages, by day. */
import type { CallEntry } from '@/api/call-record'

/** Add what was asked for to what is known, newest first; of a call that is in both, the fresh one counts. */
export function mergeCalls(known: readonly CallEntry[], fresh: readonly CallEntry[]): CallEntry[] {
  const byId = new Map([...known, ...fresh].map((call) => [call.id, call]))
  return [...byId.values()].sort((one, other) => other.startedAt - one.startedAt)
}

export function hasTrouble({ result }: Pick<CallEntry, 'result'>): boolean {
  return result === 'failed' || result === 'degraded'
}

export interface Day {
  /** Its first moment in the reader's zone. */
  readonly at: number
  readonly calls: readonly CallEntry[]
}

/** Put calls together by the day on which they began, as the reader's clock counts days; the order stays. */
export function groupByDay(calls: readonly CallEntry[]): Day[] {
  const days: { at: number; calls: CallEntry[] }[] = []
  for (const call of calls) {
    const at = startOfDay(call.startedAt)
    const day = days.at(-1)
    if (day?.at === at) day.calls.push(call)
    else days.push({ at, calls: [call] })
  }
  return days
}

export function startOfDay(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0)
}

/** "Today", "Yesterday", "Tuesday, 3 March", with the year where it is another one. */
export function nameDay(at: number, now: number): string {
  const today = startOfDay(now)
  if (startOfDay(at) === today) return 'Today'
  if (startOfDay(at) === new Date(today).setDate(new Date(today).getDate() - 1)) return 'Yesterday'
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear()
  return new Intl.DateTimeFormat(undefined, {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    ...(sameYear ? {} : { year: 'numeric' }),
  }).format(at)
}
