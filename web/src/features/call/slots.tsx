/**
 * The places of the call screen that other features fill: each function lists what stands there, in order.
 * Moderation and recordings bring components of their own; whether one shows itself is its own decision.
 */
import type { Member } from '@/call/types'
import { CallIdItem } from '@/features/calls/call-id-item'
import { CallModeration, LockMark } from '@/features/moderation/call-moderation'
import { DoorList } from '@/features/moderation/lobby-list'
import { MemberMenu } from '@/features/moderation/member-menu'
import { EndCallItem, ModerationItems } from '@/features/moderation/more-items'
import { CallRecording, RecordingMenuItem } from '@/features/recordings/call-recording'

/** Beside the name of the room. */
export function TopMarks() {
  return <LockMark />
}

/** In the "More" menu, above the help: `MenuItem`s of ui/menu, or nothing. */
export function MoreItems() {
  return (
    <>
      <RecordingMenuItem />
      <ModerationItems />
      <CallIdItem />
    </>
  )
}

/** At the end of the "More" menu. */
export function LastItems() {
  return <EndCallItem />
}

/** Above the tiles, below the name of the room: consent to a recording, people who knock. */
export function CallBanners() {
  return (
    <>
      <CallRecording />
      <CallModeration />
    </>
  )
}

/** On top of the people panel: the lobby, the lock. */
export function PeopleTop() {
  return <DoorList />
}

/** At the end of someone's row in the people panel: what a host or moderator may do. Also for oneself (`member` null). */
export function MemberActions({ member }: { member: Member | null }) {
  return member && <MemberMenu member={member} />
}
