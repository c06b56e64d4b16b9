import { useState } from 'react'
import { layoutGrid, layoutSpeaker, type Box } from '@/call/grid'
import { useSize } from '@/lib/use-size'
import { AloneCard } from './alone-card'
import { useCallServices, useCallState, useSpeaker, useStreams } from './call-context'
import { SelfTile, type Corner } from './self-tile'
import { MemberTile } from './tile'

export type Layout = 'grid' | 'speaker'

const GAP = 12
const INSET = 12

/** Everyone's tiles, laid out for the room there is. */
export function Stage({ layout, onBlocked }: { layout: Layout; onBlocked: () => void }) {
  const { call, loudness } = useCallServices()
  const state = useCallState(call)
  const streams = useStreams(call)
  const speaker = useSpeaker(loudness)
  const [ref, size] = useSize<HTMLDivElement>()
  const [corner, setCorner] = useState<Corner>({ right: true, bottom: true })
  const { members } = state
  const floating = members.length === 1
  const big = members.find(({ id }) => id === speaker) ?? members[0]
  const { self, others } = placeTiles(layout, members, big?.id, size, corner)

  return (
    <div ref={ref} className="relative min-h-0 min-w-0 flex-1">
      {size.width > 0 && (
        <>
          {members.map((member, index) => (
            <MemberTile
              key={member.id}
              member={member}
              stream={streams.get(member.id) ?? null}
              box={others[index] ?? NOWHERE}
              onBlocked={onBlocked}
            />
          ))}
          <SelfTile
            name={state.displayName}
            box={self}
            floating={floating}
            alone={members.length === 0}
            stage={size}
            corner={corner}
            onCorner={setCorner}
          />
        </>
      )}
      {members.length === 0 && state.synced && <AloneCard />}
    </div>
  )
}

const NOWHERE: Box = { left: 0, top: 0, width: 0, height: 0 }

function placeTiles(
  layout: Layout,
  members: readonly { id: string }[],
  big: string | undefined,
  { width, height }: { width: number; height: number },
  corner: Corner,
): { self: Box; others: Box[] } {
  if (members.length === 0) return { self: { left: 0, top: 0, width, height }, others: [] }
  if (members.length === 1) {
    return {
      self: floatingBox(width, height, corner),
      others: [{ left: 0, top: 0, width, height }],
    }
  }
  if (layout === 'grid') {
    const [self = NOWHERE, ...others] = layoutGrid(members.length + 1, width, height, GAP)
    return { self, others }
  }
  const [stage = NOWHERE, self = NOWHERE, ...strip] = layoutSpeaker(members.length + 1, width, height, GAP)
  const rest = [...strip]
  return { self, others: members.map(({ id }) => (id === big ? stage : (rest.shift() ?? NOWHERE))) }
}

function floatingBox(width: number, height: number, { right, bottom }: Corner): Box {
  const tall = height > width
  const w = Math.round(tall ? Math.min(width * 0.28, 140) : Math.min(Math.max(width * 0.2, 140), 260))
  const h = Math.round(tall ? w * 1.33 : (w * 9) / 16)
  return {
    width: w,
    height: h,
    left: right ? width - w - INSET : INSET,
    top: bottom ? height - h - INSET : INSET,
  }
}
