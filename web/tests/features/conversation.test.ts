import { expect, it } from 'vitest'
import type { ChatMessage } from '@/call/types'
import { findFirstNew, setLines, writeOut } from '@/features/chat/conversation'

const NOON = new Date(2026, 4, 20, 12).getTime()
const MINUTE = 60_000
const DAY = 86_400_000

const message = (id: string, from: string, ts: number): ChatMessage => ({
  id,
  from,
  mine: from === 'me',
  displayName: from,
  text: `text of ${id}`,
  ts,
})

it('sets messages of one person together, for a while', () => {
  const lines = setLines(
    [
      message('1', 'a', NOON),
      message('2', 'a', NOON + 2 * MINUTE),
      message('3', 'b', NOON + 2 * MINUTE),
      message('4', 'b', NOON + 6 * MINUTE),
    ],
    null,
    NOON,
  )
  expect(lines.map(({ together }) => together)).toEqual([false, true, false, false])
  expect(lines.map(({ day }) => day)).toEqual([null, null, null, null])
})

it('names the days of a long call, and only those', () => {
  const lines = setLines(
    [
      message('0', 'a', NOON - 9 * DAY),
      message('1', 'a', NOON - DAY),
      message('2', 'a', NOON),
      message('3', 'a', NOON + 1),
    ],
    null,
    NOON,
  )
  expect(lines.map(({ day }) => day)).toEqual([expect.stringMatching(/11/), 'Yesterday', 'Today', null])
  expect(lines.map(({ together }) => together)).toEqual([false, false, false, true])
})

it('marks where the unread ones begin, and breaks the group there', () => {
  const messages = [
    message('1', 'a', NOON),
    message('2', 'me', NOON + 1),
    message('3', 'a', NOON + 2),
    message('4', 'a', NOON + 3),
  ]
  const firstNew = findFirstNew(messages, 1)
  expect(firstNew).toBe('4')
  expect(setLines(messages, firstNew, NOON).map(({ isNew, together }) => [isNew, together])).toEqual([
    [false, false],
    [false, false],
    [false, false],
    [true, false],
  ])
  expect(findFirstNew(messages, 3)).toBe('1')
  expect(findFirstNew(messages, 0)).toBeNull()
  expect(findFirstNew([], 2)).toBeNull()
})

it('writes the conversation out as plain text', () => {
  expect(writeOut([message('1', 'a', 1), message('2', 'me', 2)], (ts) => `[${ts}]`)).toBe(
    '[1] a: text of 1\n[2] me: text of 2',
  )
})
