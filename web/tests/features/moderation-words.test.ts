import { describe, expect, it } from 'vitest'
import type { Notice } from '@/call/notice'
import type { Ended, EndReason } from '@/call/types'
import { asksForPassword, describeEnd, endReference } from '@/features/moderation/ended-words'
import { describeKnock } from '@/features/moderation/knock-words'
import { describeNotice } from '@/features/moderation/notice-words'

const anna = { displayName: 'Anna', role: 'host' } as const
const ben = { displayName: 'Ben', role: 'guest' } as const

describe('notices', () => {
  it.each<[Notice, string | null, string | null]>([
    [{ kind: 'removed', name: 'Cem', by: 'Anna' }, 'You removed Cem', 'Anna removed Cem'],
    [{ kind: 'removed', name: 'Cem', by: null }, 'Cem was removed', 'Cem was removed'],
    [
      { kind: 'banned', name: 'Cem', by: 'Anna' },
      'You banned Cem from this room',
      'Anna banned Cem from this room',
    ],
    [
      { kind: 'locked', by: 'Anna' },
      'You locked the room. Nobody new can come in.',
      'Anna locked the room. Nobody new can come in.',
    ],
    [{ kind: 'unlocked', by: null }, 'The room was unlocked', 'The room was unlocked'],
    [
      { kind: 'lobby', mode: 'guests', by: null },
      'Guests wait now until someone lets them in.',
      'Guests wait now until someone lets them in.',
    ],
    [
      { kind: 'role', name: 'Cem', role: 'moderator', mine: false, by: 'Anna' },
      'You made Cem a moderator',
      'Anna made Cem a moderator',
    ],
    [
      { kind: 'role', name: 'Cem', role: 'host', mine: false, by: 'Anna' },
      'Cem is the host now. You are a moderator.',
      'Anna made Cem the host',
    ],
    [
      { kind: 'role', name: 'Cem', role: 'member', mine: false, by: 'Anna' },
      'Cem is no longer a moderator',
      'Cem is no longer a moderator',
    ],
    // The second half of a hand-over.
    [{ kind: 'role', name: 'Anna', role: 'moderator', mine: false, by: 'Anna' }, null, null],
    [{ kind: 'joined', name: 'Cem' }, null, null],
    [{ kind: 'knock', clientId: 'x', name: 'Cem' }, null, null],
  ])('%j', (notice, toAnna, toBen) => {
    expect(describeNotice(notice, anna)).toBe(toAnna)
    expect(describeNotice(notice, ben)).toBe(toBen)
  })

  it('tells the one it concerns what to do', () => {
    const by = 'Anna'
    expect(describeNotice({ kind: 'mutedBy', media: 'audio', by }, ben)).toBe(
      'Anna muted you. Only you can turn it on again.',
    )
    expect(describeNotice({ kind: 'mutedBy', media: 'video', by }, ben)).toMatch(
      /^Anna turned your camera off/,
    )
    expect(describeNotice({ kind: 'roomFull' }, anna)).toMatch(/^The room is full/)
    expect(describeNotice({ kind: 'unavailable' }, anna)).toMatch(/Try again/)
    expect(describeNotice({ kind: 'forbidden' }, ben)).toMatch(/not yours to do/)
    expect(describeNotice({ kind: 'mutedBy', media: 'screen', by: null }, ben)).toMatch(/share was stopped/)
    expect(describeNotice({ kind: 'role', name: 'Ben', role: 'host', mine: true, by }, ben)).toBe(
      'Anna made you the host.',
    )
    expect(describeNotice({ kind: 'role', name: 'Ben', role: 'guest', mine: true, by }, ben)).toBe(
      'You are no longer a moderator.',
    )
  })

  it('does not take a namesake for the reader who runs nothing', () => {
    const namesake = { displayName: 'Anna', role: 'guest' } as const
    expect(describeNotice({ kind: 'removed', name: 'Cem', by: 'Anna' }, namesake)).toBe('Anna removed Cem')
  })
})

describe('who knocks', () => {
  const names = (...all: string[]) => all.map((displayName) => ({ displayName }))
  it.each([
    [names(), ''],
    [names('Ben'), 'Ben would like to come in'],
    [names('Ben', 'Cem'), 'Ben and Cem would like to come in'],
    [names('Ben', 'Cem', 'Dana'), 'Ben and 2 others would like to come in'],
  ])('%j', (waiting, words) => expect(describeKnock(waiting)).toBe(words))
})

describe('ends', () => {
  const REASONS: Record<EndReason, [code: number | null, way: string]> = {
    left: [null, 'rejoin'],
    kicked: [4502, 'rejoin'],
    banned: [4503, 'none'],
    room_full: [4504, 'retry'],
    room_not_found: [4505, 'signIn'],
    room_closed: [4508, 'none'],
    forbidden: [4501, 'signIn'],
    signed_out: [4509, 'signIn'],
    unauthenticated: [4500, 'signIn'],
    bad_protocol: [4506, 'reload'],
    replaced: [4507, 'rejoin'],
    ended: [4510, 'none'],
    denied: [4511, 'retry'],
    room_locked: [4512, 'retry'],
    password_required: [4513, 'retry'],
    wrong_password: [4514, 'retry'],
    invitation_invalid: [4515, 'withoutInvitation'],
    unreachable: [1006, 'retry'],
    lost: [1006, 'rejoin'],
  }
  const all = Object.entries(REASONS) as [EndReason, [number | null, string]][]

  it.each(all)('%s says what happened and what one can do', (reason, [code, way]) => {
    const words = describeEnd({ reason, code }, true)
    expect(words.way).toBe(way)
    expect(words.title.length).toBeGreaterThan(10)
    expect(words.text).toMatch(/\.$/)
    expect(endReference({ reason, code })).toBe(code === null ? undefined : `${reason} · ${code}`)
  })

  it('has words of its own for each, but being signed out', () => {
    const titles = all.filter(([reason]) => reason !== 'unauthenticated').map(([reason]) => reason)
    const texts = titles.map((reason) => describeEnd({ reason, code: null }, true).text)
    expect(new Set(texts).size).toBe(titles.length)
  })

  it('names who did it', () => {
    const end = (reason: EndReason): Ended => ({ reason, code: 4502, by: 'Anna' })
    expect(describeEnd(end('kicked'), true).text).toMatch(/^Anna took you out/)
    expect(describeEnd(end('banned'), true).text).toMatch(/^Anna has closed it to you/)
    expect(describeEnd(end('ended'), true).text).toMatch(/^Anna ended it for everyone/)
  })

  it('tells leaving the lobby and guessing too often from leaving and being offline', () => {
    expect(describeEnd({ reason: 'left', code: null }, false).title).toBe('You stopped waiting')
    expect(describeEnd({ reason: 'unreachable', code: 4003 }, false).title).toBe('Too many tries')
  })

  it('asks for the password rather than showing a page', () => {
    const asking = all.filter(([reason]) => asksForPassword({ reason, code: null })).map(([reason]) => reason)
    expect(asking).toEqual(['password_required', 'wrong_password'])
    expect(asksForPassword(null)).toBe(false)
  })
})
