import { useMemo, useState, type Ref } from 'react'
import type { CallRecord } from '@/api/call-record'
import { useMediaQuery } from '@/lib/use-media-query'
import { useSize } from '@/lib/use-size'
import { Button } from '@/ui/button'
import { LaneRow } from './lane-row'
import { doorLane, isTroubled, memberLanes, pairLanes, type Lane } from './lanes'
import { Legend } from './legend'
import type { NameOf } from './names'
import { clockOffset, ticksOf, type Stretch } from './scale'
import { TimeAxis } from './time-axis'
import { useStretchChoice } from './use-stretch-choice'
import type { View } from './use-view'
import { ZoomBar } from './zoom-bar'

/** So many lanes are taken in at a glance; a small call shows all of its own. */
const MOST_MEMBERS = 12
const MOST_PAIRS = 6
/** The width of a time on the axis with some air, and of a mark, in CSS pixels. */
const TICK_PX = 84
const MARK_PX = 26

interface TimelineProps {
  ref: Ref<HTMLElement>
  record: CallRecord
  whole: Stretch
  view: View
  nameOf: NameOf
}

/** The call drawn over time: who was there, and which of them were connected. */
export function Timeline({ ref, record, whole, view, nameOf }: TimelineProps) {
  const [axis, { width }] = useSize<HTMLDivElement>()
  const precise = useMediaQuery('(pointer: fine)')
  const [all, setAll] = useState(false)
  const lanes = useMemo(() => findLanes(record, whole.to), [record, whole.to])
  const shownMembers = all ? lanes.members : lanes.members.slice(0, MOST_MEMBERS)
  const shownPairs = all ? lanes.pairs : worthALook(lanes.pairs)
  const hidden = lanes.members.length + lanes.pairs.length - shownMembers.length - shownPairs.length
  const { band, start } = useStretchChoice(axis, view)
  const ticks = ticksOf(view.shown, Math.max(3, Math.floor(width / TICK_PX)), clockOffset(view.shown.from))
  const drawn = {
    view: view.shown,
    ticks: ticks.at,
    band,
    moment: view.moment,
    closest: (MARK_PX / Math.max(width, MARK_PX)) * 100,
    nameOf,
  }
  const rows = (some: readonly Lane[]) =>
    some.map((lane) => <LaneRow key={lane.key} lane={lane} {...drawn} />)
  return (
    <section
      ref={ref}
      tabIndex={-1}
      aria-labelledby="timeline"
      className="flex scroll-mt-4 flex-col gap-3 outline-none"
    >
      <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
        <h2 id="timeline" className="text-lg font-semibold">
          Timeline
        </h2>
        <ZoomBar view={view} whole={whole} />
      </div>
      {/* Dragging is a shortcut of the pointer; the buttons above do the same. */}
      <div
        onPointerDown={start}
        className="rounded-lg border border-border bg-surface px-3 pt-2 pb-4 sm:px-5 pointer-fine:cursor-crosshair"
      >
        <TimeAxis ref={axis} view={view.shown} whole={whole} ticks={ticks} />
        <h3 className="sr-only">People</h3>
        <ul aria-label="People">
          {lanes.door && rows([lanes.door])}
          {rows(shownMembers)}
        </ul>
        {shownPairs.length > 0 && (
          <>
            <h3 className="mt-4 mb-1 border-t border-border pt-3 text-xs font-medium text-muted">
              {shownPairs.length < lanes.pairs.length ? 'Connections with trouble' : 'Connections'}
            </h3>
            <ul aria-label="Connections">{rows(shownPairs)}</ul>
          </>
        )}
        {(hidden > 0 || all) && (
          <Button size="sm" variant="soft" className="mt-3" onClick={() => setAll(!all)}>
            {all ? 'Show less' : `Show ${hidden} more`}
          </Button>
        )}
      </div>
      <Legend lanes={[...shownMembers, ...shownPairs]} />
      {precise && (
        <p className="text-sm text-muted max-sm:hidden">
          Drag across the drawing to look closer. Marks tell more when they are pressed.
        </p>
      )}
      {(record.moreMembers ?? 0) > 0 && (
        <p className="text-sm text-muted">And {record.moreMembers} more people, of whom no more is kept.</p>
      )}
    </section>
  )
}

function findLanes(record: CallRecord, end: number) {
  return { door: doorLane(record), members: memberLanes(record, end), pairs: pairLanes(record, end) }
}

function worthALook(pairs: readonly Lane[]): readonly Lane[] {
  return pairs.length <= MOST_PAIRS ? pairs : pairs.filter(isTroubled).slice(0, 2 * MOST_PAIRS)
}
