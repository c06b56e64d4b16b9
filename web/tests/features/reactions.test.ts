import { expect, it } from 'vitest'
import {
  addReaction,
  describeReactions,
  expireReactions,
  REACTIONS,
  SHOWN_MS,
  spendReaction,
  type FloatingReaction,
} from '@/features/call/reactions'
import schema from '@/protocol/schema.json'

it('offers exactly what the server takes', () => {
  const taken = JSON.stringify(schema)
  for (const { emoji } of REACTIONS) expect(taken).toContain(`"${emoji}"`)
  expect(new Set(REACTIONS.map(({ emoji }) => emoji)).size).toBe(8)
})

it('shows a reaction for a while', () => {
  const shown = addReaction([], { clientId: 'a', emoji: '👍' }, 100)
  expect(expireReactions(shown, 99 + SHOWN_MS)).toBe(shown)
  expect(expireReactions(shown, 100 + SHOWN_MS)).toEqual([])
})

it('keeps the newest five of one person and touches nobody else’s', () => {
  let shown: readonly FloatingReaction[] = addReaction([], { clientId: 'b', emoji: '👋' }, 0)
  for (let count = 0; count < 7; count++) shown = addReaction(shown, { clientId: 'a', emoji: '👍' }, count)
  expect(shown.filter(({ clientId }) => clientId === 'a').map(({ until }) => until - SHOWN_MS)).toEqual([
    2, 3, 4, 5, 6,
  ])
  expect(shown.filter(({ clientId }) => clientId === 'b')).toHaveLength(1)
  expect(new Set(shown.map(({ id }) => id)).size).toBe(shown.length)
})

it('lets one send eight in eight seconds', () => {
  let sent: readonly number[] = []
  for (let count = 0; count < 8; count++) sent = spendReaction(sent, count)!
  expect(sent).toHaveLength(8)
  expect(spendReaction(sent, 7_999)).toBeNull()
  expect(spendReaction(sent, 8_000)).toHaveLength(8)
})

it('reads several out as one sentence', () => {
  const by = (name: string, emoji: string) => ({ name, emoji })
  expect(describeReactions([by('Ana', '👏')])).toBe('Ana: applause')
  expect(describeReactions([by('Ana', '👏'), by('Ana', '👏'), by('Bo', '👏')])).toBe('Ana and Bo: applause')
  expect(describeReactions([by('Ana', '👏'), by('Bo', '👏'), by('Cy', '👏'), by('Bo', '🎉')])).toBe(
    'Ana and 2 others: applause. Bo: party',
  )
  expect(describeReactions([])).toBe('')
})
