import { ChevronDown, CircleCheck, CircleDashed, CircleX, LoaderCircle, type LucideIcon } from 'lucide-react'
import { useState } from 'react'
import type { CallAttempt, CallPair, CallQuality, CallRecord, Outcome } from '@/api/call-record'
import { cn } from '@/lib/cn'
import { formatClockSeconds } from '@/lib/time'
import { Button } from '@/ui/button'
import type { NameOf } from './names'
import {
  describeAttempt,
  describeOutcome,
  describeTook,
  listPairNumbers,
  listQuality,
  listReport,
  UNKNOWN,
} from './pair-words'
import { sortPairs } from './pairs'

const FIRST = 6

/** Every two who were in the call together: whether they found a path, and how well it held. */
export function PairList({ record, nameOf }: { record: CallRecord; nameOf: NameOf }) {
  const [all, setAll] = useState(false)
  const pairs = sortPairs(record.pairs ?? [])
  const shown = all ? pairs : pairs.slice(0, FIRST)
  if (pairs.length === 0) return null
  return (
    <section aria-labelledby="pairs" className="flex flex-col gap-3">
      <h2 id="pairs" className="text-lg font-semibold">
        Who was connected to whom
      </h2>
      <ul className="flex flex-col overflow-hidden rounded-lg border border-border bg-surface">
        {shown.map((pair) => (
          <PairRow key={`${pair.a} ${pair.b}`} pair={pair} nameOf={nameOf} />
        ))}
      </ul>
      {shown.length < pairs.length && (
        <Button size="sm" className="self-start" onClick={() => setAll(true)}>
          Show all {pairs.length} connections
        </Button>
      )}
    </section>
  )
}

const OUTCOMES: Readonly<Record<Outcome, { Icon: LucideIcon; look: string }>> = {
  connecting: { Icon: LoaderCircle, look: 'text-muted' },
  connected: { Icon: CircleCheck, look: 'text-accent' },
  failed: { Icon: CircleX, look: 'text-danger-text' },
  timeout: { Icon: CircleX, look: 'text-danger-text' },
  abandoned: { Icon: CircleDashed, look: 'text-muted' },
  unreported: { Icon: CircleDashed, look: 'text-muted' },
}

export function OutcomeMark({ outcome = 'connecting' }: { outcome?: Outcome | undefined }) {
  const { Icon, look } = OUTCOMES[outcome]
  return (
    <span className={cn('inline-flex shrink-0 items-center gap-1.5 text-sm font-medium', look)}>
      <Icon aria-hidden className="size-4" /> {describeOutcome(outcome)}
    </span>
  )
}

function PairRow({ pair, nameOf }: { pair: CallPair; nameOf: NameOf }) {
  const names = `${nameOf(pair.a)} and ${nameOf(pair.b)}`
  return (
    <li className="border-b border-border px-4 py-3.5 last:border-b-0 sm:px-5">
      <div className="flex flex-wrap items-center justify-between gap-x-4">
        <h3 className="min-w-0 font-medium wrap-anywhere">{names}</h3>
        <OutcomeMark outcome={pair.outcome} />
      </div>
      <dl className="mt-2 grid grid-cols-2 gap-x-4 gap-y-2 text-sm sm:grid-cols-[repeat(3,1fr)] md:grid-cols-[5rem_1.4fr_1.4fr_1.4fr_1fr_5rem]">
        {listPairNumbers(pair).map(([name, value]) => (
          <div key={name} className={cn('flex min-w-0 flex-col', value === UNKNOWN && 'max-sm:hidden')}>
            <dt className="text-xs text-muted">{name}</dt>
            <dd className="tabular-nums">{value}</dd>
          </div>
        ))}
      </dl>
      <details className="group mt-2">
        <summary className="-ml-1 inline-flex items-center gap-1 rounded-sm px-1 py-1 text-sm text-muted hover:text-text">
          <ChevronDown aria-hidden className="size-4 -rotate-90 transition-transform group-open:rotate-0" />
          <span>
            Details<span className="sr-only"> of {names}</span>
          </span>
        </summary>
        <PairDetails pair={pair} nameOf={nameOf} />
      </details>
    </li>
  )
}

function PairDetails({ pair, nameOf }: { pair: CallPair; nameOf: NameOf }) {
  const { attempts = [], moreAttempts = 0, quality = {} } = pair
  const sides = Object.entries(quality)
  return (
    <div className="flex flex-col gap-4 pt-2 pb-1 text-sm">
      {attempts.map((attempt, index) => (
        <AttemptDetails key={index} attempt={attempt} nameOf={nameOf} />
      ))}
      {moreAttempts > 0 && <p className="text-muted">And {moreAttempts} more, which are not kept.</p>}
      {sides.length > 0 && (
        <div>
          <h4 className="font-medium">Picture and sound</h4>
          <div className="mt-1 grid gap-x-8 gap-y-3 sm:grid-cols-2">
            {sides.map(([id, side]: [string, CallQuality]) => (
              <Side key={id} title={`At ${nameOf(id)}`} rows={listQuality(side)} />
            ))}
          </div>
        </div>
      )}
    </div>
  )
}

function AttemptDetails({ attempt, nameOf }: { attempt: CallAttempt; nameOf: NameOf }) {
  const { kind, startedAt, outcome, reports = {} } = attempt
  const took = describeTook(attempt)
  return (
    <div>
      <h4 className="font-medium">
        {describeAttempt(kind)}, {formatClockSeconds(startedAt)}
      </h4>
      <p className="text-muted">
        {describeOutcome(outcome)} {took}
      </p>
      <div className="mt-1 grid gap-x-8 gap-y-3 sm:grid-cols-2">
        {Object.entries(reports).map(([id, report]) => (
          <Side key={id} title={`${nameOf(id)} reported`} rows={listReport(report)} />
        ))}
      </div>
    </div>
  )
}

interface SideProps {
  title: string
  rows: readonly (readonly [name: string, value: string])[]
}

function Side({ title, rows }: SideProps) {
  if (rows.length === 0) return null
  return (
    <div className="min-w-0">
      <p className="text-xs font-medium text-muted">{title}</p>
      <dl className="mt-1 grid grid-cols-[10rem_1fr] gap-x-3 gap-y-0.5">
        {rows.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-muted">{name}</dt>
            <dd className="tabular-nums">{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}
