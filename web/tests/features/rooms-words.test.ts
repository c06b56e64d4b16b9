import { describe, expect, it } from 'vitest'
import { knocks, passwordAnswer, passwordToAsk } from '@/features/prejoin/door'
import { describeDeed } from '@/features/rooms/audit-words'
import { describeRest, describeUses, parseUses } from '@/features/rooms/invitation-words'
import { checkRoomPassword } from '@/features/rooms/room-password'

const cem = { id: '7', name: 'Cem' }

describe('the audit log', () => {
  it.each([
    ['lock', null, '', 'locked the room'],
    ['unlock', null, '', 'unlocked the room'],
    ['admit', cem, '', 'let Cem in'],
    ['deny', cem, '', 'turned Cem away'],
    ['mute', cem, 'audio', 'turned off the microphone of Cem'],
    ['mute', cem, 'video', 'turned off the camera of Cem'],
    ['mute', cem, 'screen', 'turned off the shared screen of Cem'],
    ['remove', cem, '', 'removed Cem from the call'],
    ['ban', cem, '', 'banned Cem'],
    ['unban', cem, '', 'lifted the ban of Cem'],
    ['role', cem, 'host', 'made Cem the host'],
    ['role', cem, 'moderator', 'made Cem a moderator'],
    ['role', cem, 'member', 'took the moderation from Cem'],
    ['role', null, 'moderator', 'made someone a moderator'],
    ['end', null, '', 'ended the call for everyone'],
    ['password_set', null, '', 'set a new password'],
    ['password_cleared', null, '', 'removed the password'],
    ['lobby', null, 'everyone', 'made everyone wait at the door'],
    ['invitation_created', null, '', 'made an invitation'],
    ['invitation_revoked', null, '', 'revoked an invitation'],
    ['painted_blue', cem, '', 'painted blue: Cem'],
    ['constructor', null, '', 'constructor'],
  ])('%s of %j (%s): %s', (action, target, detail, words) => {
    expect(describeDeed({ action, target, detail })).toBe(words)
  })
})

describe('invitations', () => {
  const now = Date.parse('2026-01-01T12:00:00Z')
  it.each([
    [-1, 'has ended'],
    [0, 'has ended'],
    [29, 'ends in less than a minute'],
    [60, 'ends in 1 minute'],
    [59 * 60 + 20, 'ends in 59 minutes'],
    [59 * 60 + 59, 'ends in 1 hour'],
    [3_600, 'ends in 1 hour'],
    [47 * 3_600, 'ends in 47 hours'],
    [7 * 86_400 - 1, 'ends in 7 days'],
    [30 * 86_400, 'ends in 30 days'],
  ])('%d s from now: %s', (seconds, words) => {
    expect(describeRest(new Date(now + seconds * 1000).toISOString(), now)).toBe(words)
  })

  it('counts their uses', () => {
    expect(describeUses({ uses: 0, maxUses: null })).toBe('not used yet')
    expect(describeUses({ uses: 1, maxUses: null })).toBe('used once')
    expect(describeUses({ uses: 3, maxUses: null })).toBe('used 3 times')
    expect(describeUses({ uses: 2, maxUses: 5 })).toBe('used 2 of 5 times')
    expect(describeUses({ uses: 5, maxUses: 5 })).toBe('used up (5 of 5)')
  })

  it.each([
    ['', null],
    ['  ', null],
    ['1', 1],
    ['10000', 10_000],
    ['10001', undefined],
    ['0', undefined],
    ['-3', undefined],
    ['2.5', undefined],
    ['many', undefined],
  ])('reads %j as %j', (text, uses) => expect(parseUses(text)).toBe(uses))
})

describe('the password of a room', () => {
  it.each([
    ['', 'At least'],
    ['abc', 'At least'],
    ['🙂🙂🙂', 'At least'],
    ['abcd', ''],
    ['two words', ''],
    ['tab\tinside', 'Only characters'],
    ['x'.repeat(256), ''],
    ['x'.repeat(257), 'At most'],
  ])('%j', (password, words) => {
    const problem = checkRoomPassword(password)
    expect(words === '' ? problem === '' : problem.startsWith(words)).toBe(true)
  })

  const secret = { passwordRequired: true, owner: false }

  it('is asked for where the room says so, but not of those who know another way in', () => {
    const guest = { invited: false, signedIn: false }
    expect(passwordToAsk(secret, guest, null)).toEqual({ wrong: null, refusals: 0 })
    expect(passwordToAsk({ ...secret, owner: true }, guest, null)).toBeNull()
    expect(passwordToAsk(secret, { ...guest, invited: true }, null)).toBeNull()
    // They may be moderators, who need none: the server asks the others.
    expect(passwordToAsk(secret, { ...guest, signedIn: true }, null)).toBeNull()
    expect(passwordToAsk({ passwordRequired: false, owner: false }, guest, null)).toBeNull()
  })

  it('is asked for when the server says so, whatever was known before', () => {
    const answer = passwordAnswer({ reason: 'password_required' }, '', null)
    expect(
      passwordToAsk({ passwordRequired: false, owner: false }, { invited: false, signedIn: true }, answer),
    ).toEqual({
      wrong: null,
      refusals: 1,
    })
    expect(passwordAnswer({ reason: 'wrong_password' }, 'guess', answer)).toEqual({
      wrong: 'guess',
      refusals: 2,
    })
    expect(passwordAnswer({ reason: 'room_full' }, 'guess', answer)).toBeNull()
  })
})

describe('who knocks', () => {
  it.each([
    ['off', false, false, false],
    ['guests', false, false, true],
    ['guests', true, false, false],
    ['everyone', true, false, true],
    ['everyone', true, true, false],
  ] as const)('%s, signed in %s, owner %s: %s', (lobby, signedIn, owner, expected) => {
    expect(knocks({ lobby, owner }, signedIn)).toBe(expected)
  })
})
