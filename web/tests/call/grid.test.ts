import { describe, expect, it } from 'vitest'
import { layoutGrid, type Box } from '@/call/grid'

const GAP = 12

function overlaps(a: Box, b: Box): boolean {
  return (
    a.left < b.left + b.width &&
    b.left < a.left + a.width &&
    a.top < b.top + b.height &&
    b.top < a.top + a.height
  )
}

const counts = Array.from({ length: 20 }, (_, index) => index + 1)

describe.each([
  ['desktop', 1400, 780],
  ['phone', 366, 700],
  ['tiny', 200, 120],
])('on a %s stage', (_, width, height) => {
  it.each(counts)('%i tiles fit and never overlap', (count) => {
    const boxes = layoutGrid(count, width, height, GAP)
    expect(boxes).toHaveLength(count)
    for (const [index, box] of boxes.entries()) {
      expect(box.left).toBeGreaterThanOrEqual(0)
      expect(box.top).toBeGreaterThanOrEqual(0)
      expect(box.left + box.width).toBeLessThanOrEqual(width + 1)
      expect(box.top + box.height).toBeLessThanOrEqual(height + 1)
      for (const other of boxes.slice(index + 1)) expect(overlaps(box, other)).toBe(false)
    }
  })
})

it('chooses the columns that make tiles largest', () => {
  const columns = (boxes: Box[]) => new Set(boxes.map(({ left }) => left)).size
  expect(columns(layoutGrid(4, 1400, 780, GAP))).toBe(2)
  expect(columns(layoutGrid(9, 1400, 780, GAP))).toBe(3)
  expect(columns(layoutGrid(3, 366, 700, GAP))).toBe(1)
})

it('centres the last row', () => {
  const [first, , last] = layoutGrid(3, 1400, 780, GAP)
  expect(last!.left).toBeGreaterThan(first!.left)
  expect(Math.abs(last!.left + last!.width / 2 - 700)).toBeLessThanOrEqual(1)
})

it('answers an empty stage with no tiles', () => {
  expect(layoutGrid(3, 0, 500, GAP)).toEqual([])
  expect(layoutGrid(0, 500, 500, GAP)).toEqual([])
})
