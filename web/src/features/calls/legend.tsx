import { cn } from '@/lib/cn'
import type { Lane } from './lanes'
import { describeState, STATE_LOOKS, STATES } from './states'

/** What the bars mean, as far as they are drawn. */
export function Legend({ lanes }: { lanes: readonly Lane[] }) {
  const drawn = new Set(lanes.flatMap(({ stretches }) => stretches.map(({ state }) => state)))
  return (
    <ul aria-hidden className="flex flex-wrap gap-x-5 gap-y-1.5 text-sm text-muted">
      {STATES.filter((state) => drawn.has(state)).map((state) => (
        <li key={state} className="flex items-center gap-2">
          <span className={cn('h-3 w-6 rounded-sm', STATE_LOOKS[state])} />
          {describeState(state)}
        </li>
      ))}
    </ul>
  )
}
