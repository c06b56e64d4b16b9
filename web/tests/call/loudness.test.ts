import { expect, it } from 'vitest'
import { Loudness } from '@/call/loudness'

it('marks who speaks, holds through pauses, and keeps the speaker until someone else speaks', () => {
  let now = 0
  let levels = new Map<string, number>()
  const loudness = new Loudness(
    () => levels,
    () => now,
  )
  const hear = (at: number, entries: Record<string, number>) => {
    now = at
    levels = new Map(Object.entries(entries))
    loudness.update()
    return [...loudness.speaking.get()].sort()
  }
  expect(hear(0, { a: 0.001, b: 0 })).toEqual([])
  expect(hear(150, { a: 0.2, b: 0 })).toEqual(['a'])
  expect(loudness.speaker.get()).toBe('a')
  expect(hear(600, { a: 0, b: 0 })).toEqual(['a'])
  expect(hear(700, { a: 0, b: 0.4 })).toEqual(['a', 'b'])
  expect(loudness.speaker.get()).toBe('a')
  expect(hear(1000, { a: 0, b: 0.4 })).toEqual(['b'])
  expect(loudness.speaker.get()).toBe('a')
  for (const at of [1300, 1900, 2200]) hear(at, { a: 0, b: 0.4 })
  expect(loudness.speaker.get()).toBe('b')
  expect(hear(3000, { a: 0, b: 0 })).toEqual([])
  expect(loudness.speaker.get()).toBe('b')
})
