import { useState } from 'react'
import type { Box } from '@/call/grid'
import type { Member } from '@/call/types'
import { useSize } from '@/lib/use-size'
import { AloneCard } from './alone-card'
import { useCallServices, useCallState, useScreens, useSpeaker, useStreams } from './call-context'
import { placeOfHand, queueHands } from './hands'
import {
  chooseFocus,
  floatingBox,
  keepPlaces,
  placeTiles,
  screenKey,
  SELF,
  type Corner,
  type Layout,
} from './layout'
import { shownMembers } from './members'
import { ScreenTile } from './screen-tile'
import { SelfTile } from './self-tile'
import { MemberTile } from './tile'
import { useReactions } from './use-reactions'

const GAP = 12
const NOWHERE: Box = { left: 0, top: 0, width: 0, height: 0 }

interface StageProps {
  layout: Layout
  gridForScreens: boolean
  pinned: string | null
  onPin: (key: string) => void
  onBlocked: () => void
}

/** Everyone's tiles and the shared screens, laid out for the room there is. */
export function Stage({ layout, gridForScreens, pinned, onPin, onBlocked }: StageProps) {
  const { call, loudness } = useCallServices()
  const state = useCallState(call)
  const streams = useStreams(call)
  const screens = useScreens(call)
  const speaker = useSpeaker(loudness)
  const reactions = useReactions(call)
  const [ref, size] = useSize<HTMLDivElement>()
  const [corner, setCorner] = useState<Corner>({ right: true, bottom: true })

  const members = shownMembers(state.members)
  const sharing = useSharing(members)
  const floating = members.length === 1 && sharing.length === 0
  const keys = [SELF, ...members.map(({ id }) => id), ...sharing.map(screenKey)]
  const focus = chooseFocus({
    layout,
    pinned,
    speaker,
    gridForScreens,
    members: members.map(({ id }) => id),
    screens: sharing.map(screenKey),
  })
  const order = useKeptPlaces(keys, focus)
  const boxes = floating
    ? new Map([
        [SELF, floatingBox(size, corner, GAP)],
        [members[0]?.id ?? '', { left: 0, top: 0, ...size }],
      ])
    : placeTiles(order, focus !== null, size, GAP)
  const hands = queueHands({ ...state, members })
  // With two pictures there is nothing to choose.
  const pinFor = (key: string) => (keys.length > 2 ? () => onPin(key) : undefined)
  const reactionsOf = (id: string | null) => reactions.filter(({ clientId }) => clientId === id)

  return (
    <div
      ref={ref}
      className="relative min-h-0 min-w-0 flex-1"
      data-testid="stage"
      data-focus={focus ?? undefined}
    >
      {size.width > 0 && (
        <>
          {members.map((member) => (
            <MemberTile
              key={member.id}
              member={member}
              stream={streams.get(member.id) ?? null}
              box={boxes.get(member.id) ?? NOWHERE}
              handPlace={placeOfHand(hands, member.id)}
              reactions={reactionsOf(member.id)}
              pinned={pinned === member.id}
              onPin={pinFor(member.id)}
              onBlocked={onBlocked}
            />
          ))}
          {members.map(
            (member) =>
              sharing.includes(member.id) && (
                <ScreenTile
                  key={screenKey(member.id)}
                  clientId={member.id}
                  name={member.displayName}
                  stream={screens.get(member.id) ?? null}
                  box={boxes.get(screenKey(member.id)) ?? NOWHERE}
                  pinned={pinned === screenKey(member.id)}
                  onPin={() => onPin(screenKey(member.id))}
                  onBlocked={onBlocked}
                />
              ),
          )}
          <SelfTile
            name={state.displayName}
            box={members.length === 0 ? { left: 0, top: 0, ...size } : (boxes.get(SELF) ?? NOWHERE)}
            floating={floating}
            alone={members.length === 0}
            stage={size}
            corner={corner}
            onCorner={setCorner}
            handPlace={placeOfHand(hands, SELF)}
            reactions={reactionsOf(state.selfId)}
            pinned={pinned === SELF}
            onPin={pinFor(SELF)}
          />
        </>
      )}
      {members.length === 0 && state.synced && <AloneCard />}
    </div>
  )
}

/** Who shares a screen, in the order they began. */
function useSharing(members: readonly Member[]): readonly string[] {
  const [before, setBefore] = useState<readonly string[]>([])
  const sharing = members.filter(({ media }) => media.screen).map(({ id }) => id)
  const next = [
    ...before.filter((id) => sharing.includes(id)),
    ...sharing.filter((id) => !before.includes(id)),
  ]
  const same = next.length === before.length && next.every((id, index) => id === before[index])
  if (!same) setBefore(next)
  return same ? before : next
}

function useKeptPlaces(keys: readonly string[], focus: string | null): readonly string[] {
  const [before, setBefore] = useState<readonly string[]>([])
  const order = keepPlaces(before, keys, focus)
  if (order !== before) setBefore(order)
  return order
}
