import { DoorClosed, Disc } from 'lucide-react'
import type { ReactNode } from 'react'
import type { CallEvent, CallMember } from '@/api/call-record'
import { cn } from '@/lib/cn'
import { formatClockSeconds } from '@/lib/time'
import { Avatar } from '@/ui/avatar'
import { Popover } from '@/ui/popover'
import { EventRow } from './event-list'
import { EventIcon, TONE_LOOKS } from './event-look'
import { describeEvent } from './event-words'
import type { Lane, StateStretch } from './lanes'
import { marksOf, toneOf, type Mark } from './marks'
import type { NameOf } from './names'
import { placeOf, isInView, spanOf, type Stretch } from './scale'
import { describeState, STATE_LOOKS } from './states'
import { LANE_GRID } from './time-axis'

interface LaneRowProps {
  lane: Lane
  view: Stretch
  ticks: readonly number[]
  /** What is being chosen. */
  band: Stretch | null
  moment: number | null
  /** Marks closer than this, in percent, become one. */
  closest: number
  nameOf: NameOf
}

export function LaneRow({ lane, view, ticks, band, moment, closest, nameOf }: LaneRowProps) {
  return (
    <li className={cn(LANE_GRID, 'max-sm:py-1.5')}>
      <LaneLabel lane={lane} nameOf={nameOf} />
      <div className={cn('relative mx-3', lane.of === 'pair' ? 'h-9' : 'h-12 max-sm:h-9')}>
        {ticks.map((at) => (
          <Line key={at} at={at} view={view} className="bg-border" />
        ))}
        {moment !== null && isInView(moment, view) && (
          <Line at={moment} view={view} className="w-0.5 bg-text opacity-40" />
        )}
        {lane.stretches.map((stretch) => (
          <Bar
            key={`${stretch.from} ${stretch.state}`}
            stretch={stretch}
            view={view}
            thin={lane.of === 'pair'}
          />
        ))}
        {band && <Band band={band} view={view} />}
        {marksOf(lane.events, view, closest).map((mark) => (
          <MarkButton key={mark.events[0]?.at} mark={mark} nameOf={nameOf} />
        ))}
      </div>
    </li>
  )
}

function LaneLabel({ lane, nameOf }: { lane: Lane; nameOf: NameOf }) {
  switch (lane.of) {
    case 'member':
      return <MemberLabel member={lane.member} name={nameOf(lane.member.id)} />
    case 'pair':
      return (
        <p className="truncate text-sm" title={`${nameOf(lane.pair.a)} – ${nameOf(lane.pair.b)}`}>
          {nameOf(lane.pair.a)} – {nameOf(lane.pair.b)}
        </p>
      )
    case 'door':
      return (
        <Label
          sign={
            <span className="grid size-8 shrink-0 place-items-center rounded-full bg-surface-2 text-muted">
              <DoorClosed aria-hidden className="size-4" />
            </span>
          }
          name="At the door"
          note="Kept out"
        />
      )
  }
}

function MemberLabel({ member, name }: { member: CallMember; name: string }) {
  const { browser, network, kind, joinedAt, leftAt } = member
  const note = kind === 'recorder' ? 'Recorder' : [browser, network].filter(Boolean).join(' · ')
  return (
    <Label
      sign={
        kind === 'recorder' ? (
          <span className="grid size-8 shrink-0 place-items-center rounded-full bg-danger-soft text-danger-text">
            <Disc aria-hidden className="size-4" />
          </span>
        ) : (
          <Avatar name={name} className="size-8 text-xs" />
        )
      }
      name={name}
      note={note}
    >
      <span className="sr-only">
        , from {formatClockSeconds(joinedAt)}
        {leftAt == null ? '' : ` to ${formatClockSeconds(leftAt)}`}
      </span>
    </Label>
  )
}

interface LabelProps {
  sign: ReactNode
  name: string
  note: string
  children?: ReactNode
}

function Label({ sign, name, note, children }: LabelProps) {
  return (
    <div className="flex min-w-0 items-center gap-2.5">
      {sign}
      <p className="flex min-w-0 flex-col max-sm:flex-1 max-sm:flex-row max-sm:items-baseline max-sm:justify-between max-sm:gap-3">
        <span className="truncate text-sm font-medium max-sm:max-w-[60%] max-sm:shrink-0" title={name}>
          {name}
        </span>
        {note && (
          <span className="truncate text-xs text-muted" title={note}>
            {note}
          </span>
        )}
        {children}
      </p>
    </div>
  )
}

function Line({ at, view, className }: { at: number; view: Stretch; className: string }) {
  return (
    <span
      aria-hidden
      className={cn('absolute inset-y-0 w-px -translate-x-1/2', className)}
      style={{ left: `${placeOf(at, view)}%` }}
    />
  )
}

function Band({ band, view }: { band: Stretch; view: Stretch }) {
  const span = spanOf(band, view)
  return (
    span && (
      <span
        aria-hidden
        className="pointer-events-none absolute inset-y-0 bg-accent opacity-20"
        style={{ left: `${span.left}%`, width: `${span.width}%` }}
      />
    )
  )
}

function Bar({ stretch, view, thin }: { stretch: StateStretch; view: Stretch; thin: boolean }) {
  const span = spanOf(stretch, view)
  return (
    span && (
      <span
        aria-hidden
        title={`${describeState(stretch.state)}, ${formatClockSeconds(stretch.from)} – ${formatClockSeconds(stretch.to)}`}
        className={cn(
          'absolute top-1/2 min-w-1 -translate-y-1/2 rounded-sm',
          thin ? 'h-2' : 'h-4',
          STATE_LOOKS[stretch.state],
        )}
        style={{ left: `${span.left}%`, width: `${span.width}%` }}
      />
    )
  )
}

function MarkButton({ mark, nameOf }: { mark: Mark; nameOf: NameOf }) {
  const { left, events, worst } = mark
  return (
    <span
      className="absolute top-1/2 z-10 -translate-1/2 has-[[data-state=open]]:z-20"
      style={{ left: `${left}%` }}
    >
      <Popover
        label="What happened"
        className="w-72 max-w-[calc(100vw-1.5rem)] cursor-auto px-3 py-1.5"
        trigger={
          <button
            type="button"
            aria-label={describeMark(events, worst, nameOf)}
            className={cn(
              'flex h-6 min-w-6 items-center justify-center gap-0.5 rounded-full text-xs font-semibold tabular-nums shadow-md',
              TONE_LOOKS[toneOf(worst)],
              events.length > 1 && 'px-1.5',
            )}
          >
            <EventIcon event={worst} className="size-3.5" />
            {events.length > 1 && events.length}
          </button>
        }
      >
        <ol className="max-h-64 overflow-y-auto">
          {events.map((event, index) => (
            <EventRow key={index} event={event} nameOf={nameOf} />
          ))}
        </ol>
      </Popover>
    </span>
  )
}

function describeMark(events: readonly CallEvent[], worst: CallEvent, nameOf: NameOf): string {
  const words = `${formatClockSeconds(worst.at)}: ${describeEvent(worst, nameOf)}`
  return events.length > 1 ? `${events.length} steps around ${words}` : words
}
