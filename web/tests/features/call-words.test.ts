import { describe, expect, it } from 'vitest'
import type { Notice } from '@/call/notice'
import type { Member } from '@/call/types'
import { placeOfHand, queueHands } from '@/features/call/hands'
import { SELF } from '@/features/call/layout'
import { shownMembers } from '@/features/call/members'
import { describeNotice } from '@/features/call/notices'
import { SHORTCUTS } from '@/features/call/shortcuts'
import { describeLink } from '@/features/call/tile-link'
import { describeTitle } from '@/features/call/title'

const member = (id: string, change: Partial<Member> = {}): Member => ({
  id,
  displayName: id.toUpperCase(),
  role: 'member',
  kind: 'person',
  media: { audio: true, video: true, screen: false },
  mediaKnown: true,
  link: 'connected',
  signal: 'ok',
  handRaisedAt: null,
  announced: true,
  ...change,
})

describe('lost signal and lost media are two things', () => {
  it.each([
    [{}, null],
    [{ signal: 'lost' }, 'Reconnecting…'],
    [{ link: 'lost' }, 'No picture or sound from ANA right now. Trying again.'],
    [{ link: 'lost', signal: 'lost' }, 'No picture or sound from ANA right now. Trying again.'],
    [{ link: 'connecting' }, 'Connecting…'],
    [{ link: 'connecting', signal: 'lost' }, 'Reconnecting…'],
  ] as const)('%o', (change, words) => {
    expect(describeLink(member('ana', change))?.words ?? null).toBe(words)
  })
})

describe('hands', () => {
  it('queue in the order they went up, the own among them', () => {
    const members = [member('a', { handRaisedAt: 30 }), member('b'), member('c', { handRaisedAt: 10 })]
    const hands = queueHands({ handRaisedAt: 20, displayName: 'Me', members })
    expect(hands.map(({ key }) => key)).toEqual(['c', SELF, 'a'])
    expect(['c', SELF, 'a', 'b'].map((key) => placeOfHand(hands, key))).toEqual([1, 2, 3, 0])
    expect(queueHands({ handRaisedAt: null, displayName: 'Me', members: [member('b')] })).toEqual([])
  })
})

it('never shows a recorder as a person', () => {
  const members = [member('a'), member('r', { kind: 'recorder' })]
  expect(shownMembers(members).map(({ id }) => id)).toEqual(['a'])
})

it.each<[Notice, string | null]>([
  [{ kind: 'joined', name: 'Ana' }, 'Ana joined'],
  [{ kind: 'left', name: 'Ana' }, 'Ana left'],
  [{ kind: 'chat', name: 'Ana', text: 'a\n b' }, 'Ana: a b'],
  [{ kind: 'chat', name: 'Ana', text: '🙂'.repeat(81) }, `Ana: ${'🙂'.repeat(80)}…`],
  [{ kind: 'handRaised', clientId: 'a', name: 'Ana' }, 'Ana raised a hand'],
  [
    { kind: 'device', media: 'audio', what: 'replaced', label: 'Headset' },
    'We now use Headset as your microphone.',
  ],
  [
    { kind: 'device', media: 'audio', what: 'replaced', label: '' },
    'We now use another one as your microphone.',
  ],
  [{ kind: 'device', media: 'video', what: 'restored', label: 'Webcam' }, 'Your camera is back: Webcam.'],
  [{ kind: 'device', media: 'video', what: 'lost', label: 'Webcam' }, null],
  [{ kind: 'screenEnded' }, 'Your screen is no longer shared.'],
  [{ kind: 'reaction', clientId: 'a', name: 'Ana', emoji: '👍', mine: false }, null],
  [{ kind: 'recordingStarted' }, null],
])('says %o in passing', (notice, text) => {
  expect(describeNotice(notice)?.text ?? null).toBe(text)
})

it.each([
  [0, 0, 0, 'Stand-up · Chatter'],
  [3, 0, 0, '(3) Stand-up · Chatter'],
  [0, 0, 2, '🚪 Stand-up · Chatter'],
  [100, 1, 1, '(99+) 🚪 ✋ Stand-up · Chatter'],
])('the tab tells of %i messages, %i hands and %i at the door', (unread, hands, knocks, title) => {
  expect(describeTitle('Stand-up', { unread, hands, knocks })).toBe(title)
})

it('has every key once', () => {
  const keys = Object.values(SHORTCUTS).map(({ key }) => key)
  expect(new Set(keys).size).toBe(keys.length)
})
