import { useState } from 'react'
import type { CallEvent } from '@/api/call-record'
import { cn } from '@/lib/cn'
import { formatClockSeconds } from '@/lib/time'
import { Button } from '@/ui/button'
import { Switch } from '@/ui/switch'
import { EventIcon, TONE_LOOKS } from './event-look'
import { describeEvent, isRoutine } from './event-words'
import { toneOf } from './marks'
import type { NameOf } from './names'

const FIRST = 20

interface EventListProps {
  events: readonly CallEvent[]
  /** How many came beyond those that are kept. */
  more: number
  nameOf: NameOf
}

/** All that happened, in words: what the drawing shows, for those who cannot see it or want to read it. */
export function EventList({ events, more, nameOf }: EventListProps) {
  const [every, setEvery] = useState(false)
  const [all, setAll] = useState(false)
  const wanted = every ? events : events.filter((event) => !isRoutine(event))
  const shown = all ? wanted : wanted.slice(0, FIRST)
  return (
    <section aria-labelledby="events" className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
        <h2 id="events" className="text-lg font-semibold">
          Step by step
        </h2>
        {events.some(isRoutine) && (
          <div className="flex items-center gap-3 text-sm">
            <label htmlFor="every-step">With offers and answers</label>
            <Switch id="every-step" checked={every} onCheckedChange={setEvery} />
          </div>
        )}
      </div>
      <ol
        aria-label="Step by step"
        className="flex flex-col rounded-lg border border-border bg-surface px-4 py-2"
      >
        {shown.map((event, index) => (
          <EventRow key={index} event={event} nameOf={nameOf} />
        ))}
      </ol>
      {shown.length < wanted.length && (
        <Button size="sm" className="self-start" onClick={() => setAll(true)}>
          Show all {wanted.length} steps
        </Button>
      )}
      {more > 0 && (
        <p className="text-sm text-muted">
          {more === 1 ? 'One more step is' : `${more} more steps are`} not kept: this call had too many.
        </p>
      )}
    </section>
  )
}

export function EventRow({ event, nameOf }: { event: CallEvent; nameOf: NameOf }) {
  return (
    <li className="flex items-start gap-3 py-1.5">
      <time
        dateTime={new Date(event.at).toISOString()}
        className="shrink-0 pt-px text-sm text-muted tabular-nums"
      >
        {formatClockSeconds(event.at)}
      </time>
      <span className={cn('grid size-6 shrink-0 place-items-center rounded-full', TONE_LOOKS[toneOf(event)])}>
        <EventIcon event={event} className="size-3.5" />
      </span>
      <span className="min-w-0 flex-1 text-sm leading-6 wrap-anywhere">{describeEvent(event, nameOf)}</span>
    </li>
  )
}
