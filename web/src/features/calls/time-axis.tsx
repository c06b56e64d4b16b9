import type { Ref } from 'react'
import { cn } from '@/lib/cn'
import { formatClock, formatClockSeconds } from '@/lib/time'
import { placeOf, spanOf, type Stretch, type Ticks } from './scale'

/** Label and track of a lane: beside each other where there is room. */
export const LANE_GRID =
  'sm:grid sm:grid-cols-[11rem_1fr] sm:items-center sm:gap-x-3 lg:grid-cols-[15.5rem_1fr]'

interface TimeAxisProps {
  ref: Ref<HTMLDivElement>
  view: Stretch
  whole: Stretch
  ticks: Ticks
}

/** The times above the lanes, and which part of the call they are. */
export function TimeAxis({ ref, view, whole, ticks }: TimeAxisProps) {
  const part = spanOf(view, whole)
  const format = ticks.seconds ? formatClockSeconds : formatClock
  return (
    <div aria-hidden className={LANE_GRID}>
      <span className="max-sm:hidden" />
      <div ref={ref} className="relative mx-3 h-8">
        {part && part.width < 100 && (
          <div className="absolute inset-x-0 top-0 h-1 rounded-full bg-surface-3">
            <div
              className="absolute h-1 min-w-1 rounded-full bg-accent"
              style={{ left: `${part.left}%`, width: `${part.width}%` }}
            />
          </div>
        )}
        {ticks.at.map((at) => (
          <span
            key={at}
            className={cn(
              'absolute top-2.5 -translate-x-1/2 text-xs whitespace-nowrap text-muted tabular-nums',
              // At the edges of a phone half of a label would not fit.
              placeOf(at, view) < 5 && 'max-sm:-translate-x-1/4',
              placeOf(at, view) > 95 && 'max-sm:-translate-x-3/4',
            )}
            style={{ left: `${placeOf(at, view)}%` }}
          >
            {format(at)}
          </span>
        ))}
      </div>
    </div>
  )
}
