import { expect, it } from 'vitest'
import { emptyFloor, hearLevels, type Floor } from '@/call/speaker'

const STEP_MS = 150

/** Feed rows of levels, one every 150 ms, and tell who had the floor after each. */
function follow(rows: readonly Record<string, number>[], begin = emptyFloor, at = 0): (string | null)[] {
  let floor: Floor = begin
  return rows.map((row, index) => {
    floor = hearLevels(floor, new Map(Object.entries(row)), at + index * STEP_MS)
    return floor.speaker
  })
}

const times = <T>(count: number, value: T) => Array.from({ length: count }, () => value)
const A = { a: 0.3, b: 0 }
const B = { a: 0, b: 0.3 }
const QUIET = { a: 0.001, b: 0.001 }

it('gives the floor at once when nobody has it', () => {
  expect(follow([QUIET, A])).toEqual([null, 'a'])
})

it('keeps the floor through silence, a cough and a short word', () => {
  expect(new Set(follow([A, ...times(20, QUIET), B, ...times(20, QUIET), B, B]))).toEqual(new Set(['a']))
})

it('changes once, when someone else goes on speaking, pauses between words included', () => {
  const spoken = follow([...times(20, A), ...times(3, [B, B, QUIET, B]).flat()])
  expect(spoken.at(-1)).toBe('b')
  expect(spoken.filter((id, index) => index > 0 && id !== spoken[index - 1])).toEqual(['b'])
})

it('does not flip back and forth while two talk at once', () => {
  const spoken = follow(times(40, [A, B]).flat())
  expect(new Set(spoken)).toEqual(new Set(['a']))
})

it('gives nobody the floor sooner than two seconds after the last change', () => {
  const spoken = follow([A, ...times(20, B)])
  expect(spoken.indexOf('b') * STEP_MS).toBeGreaterThanOrEqual(2_000)
})

it('takes the floor from someone who left', () => {
  expect(follow([A, { b: 0 }, { b: 0.5 }])).toEqual(['a', null, 'b'])
})

it('answers the same object when nothing changed', () => {
  const floor = hearLevels(emptyFloor, new Map([['a', 0.3]]), 0)
  expect(hearLevels(floor, new Map([['a', 0.2]]), 150)).toBe(floor)
  expect(hearLevels(emptyFloor, new Map([['a', 0]]), 150)).toBe(emptyFloor)
})
