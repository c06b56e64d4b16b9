/** Who may do what to whom, as the server decides it (signaling/core/moderation.py); it has the last word. */
import type { Member, Role } from '@/call/types'

export type MemberAction =
  | 'muteAudio'
  | 'muteVideo'
  | 'muteScreen'
  | 'lowerHand'
  | 'makeModerator'
  | 'takeModerator'
  | 'handOver'
  | 'remove'
  | 'ban'

export type Target = Pick<Member, 'role' | 'kind' | 'media' | 'handRaisedAt'>

/** Whether someone can open the door, lock it and keep order. */
export function runsCall(role: Role): boolean {
  return role === 'host' || role === 'moderator'
}

/** Whether someone can end the call for all and give roles. */
export function ownsCall(role: Role): boolean {
  return role === 'host'
}

/** A host may act on everyone, a moderator on members and guests. Recorders are stopped, not moderated. */
export function mayActOn(role: Role, target: Pick<Target, 'role' | 'kind'>): boolean {
  if (target.kind === 'recorder') return false
  return role === 'host' || (role === 'moderator' && (target.role === 'member' || target.role === 'guest'))
}

/** List what someone may do to another member now, in the order of a menu: what is off already cannot be turned off. */
export function memberActions(role: Role, target: Target): MemberAction[] {
  if (!mayActOn(role, target)) return []
  const actions: MemberAction[] = []
  if (target.media.audio) actions.push('muteAudio')
  if (target.media.video) actions.push('muteVideo')
  if (target.media.screen) actions.push('muteScreen')
  if (target.handRaisedAt !== null) actions.push('lowerHand')
  if (ownsCall(role)) actions.push(...roleActions(target.role))
  actions.push('remove', 'ban')
  return actions
}

function roleActions(role: Role): MemberAction[] {
  switch (role) {
    case 'host':
      return []
    case 'moderator':
      return ['takeModerator', 'handOver']
    case 'member':
      return ['makeModerator', 'handOver']
    case 'guest':
      // The host needs an account.
      return ['makeModerator']
  }
}
