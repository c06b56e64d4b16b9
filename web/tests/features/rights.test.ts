import { describe, expect, it } from 'vitest'
import type { Role } from '@/call/types'
import { mayActOn, memberActions, ownsCall, runsCall, type Target } from '@/features/moderation/rights'

const ROLES: Role[] = ['host', 'moderator', 'member', 'guest']
const quiet: Target = {
  role: 'member',
  kind: 'person',
  media: { audio: false, video: false, screen: false },
  handRaisedAt: null,
}

describe('who may do what', () => {
  // Row: who acts. Column: on whom. As signaling/core/moderation.py has it.
  it.each<[Role, Role[]]>([
    ['host', ['host', 'moderator', 'member', 'guest']],
    ['moderator', ['member', 'guest']],
    ['member', []],
    ['guest', []],
  ])('%s may act on %j', (role, targets) => {
    const may = ROLES.filter((target) => mayActOn(role, { ...quiet, role: target }))
    expect(may).toEqual(targets)
  })

  it('opens the door to those who run the call, and the end of it to the host', () => {
    expect(ROLES.filter(runsCall)).toEqual(['host', 'moderator'])
    expect(ROLES.filter(ownsCall)).toEqual(['host'])
  })

  it('turns off only what is on', () => {
    expect(memberActions('moderator', quiet)).toEqual(['remove', 'ban'])
    const loud = { ...quiet, media: { audio: true, video: true, screen: true }, handRaisedAt: 1 }
    expect(memberActions('moderator', loud)).toEqual([
      'muteAudio',
      'muteVideo',
      'muteScreen',
      'lowerHand',
      'remove',
      'ban',
    ])
  })

  it.each<[Role, string[]]>([
    ['host', []],
    ['moderator', ['takeModerator', 'handOver']],
    ['member', ['makeModerator', 'handOver']],
    // A guest has no account, and the host needs one.
    ['guest', ['makeModerator']],
  ])('lets the host change the role of a %s: %j', (role, actions) => {
    const found = memberActions('host', { ...quiet, role })
    expect(found.filter((action) => !['remove', 'ban'].includes(action))).toEqual(actions)
  })

  it('leaves recorders alone', () => {
    expect(memberActions('host', { ...quiet, kind: 'recorder' })).toEqual([])
  })
})
