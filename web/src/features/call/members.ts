import type { Member } from '@/call/types'

/** The people: a recorder is in the call too, without being someone to look at. */
export function shownMembers(members: readonly Member[]): readonly Member[] {
  return members.filter(({ kind }) => kind !== 'recorder')
}
