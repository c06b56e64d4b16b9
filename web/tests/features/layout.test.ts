import { describe, expect, it } from 'vitest'
import type { Box } from '@/call/grid'
import {
  chooseFocus,
  floatingBox,
  keepPlaces,
  layoutFocus,
  placeTiles,
  screenKey,
  SELF,
} from '@/features/call/layout'

const GAP = 12
const STAGES = [
  ['desktop', { width: 1416, height: 776 }],
  ['desktop beside chat', { width: 1044, height: 776 }],
  ['phone', { width: 366, height: 716 }],
  ['phone on its side', { width: 820, height: 260 }],
] as const

function overlaps(a: Box, b: Box): boolean {
  return (
    a.left < b.left + b.width &&
    b.left < a.left + a.width &&
    a.top < b.top + b.height &&
    b.top < a.top + a.height
  )
}

describe.each(STAGES)('a focused tile and its strip on a %s', (_, size) => {
  it.each([1, 2, 3, 4, 5, 8, 10, 16])('%i tiles lie inside and apart', (count) => {
    const boxes = layoutFocus(count, size, GAP)
    expect(boxes).toHaveLength(count)
    for (const [index, box] of boxes.entries()) {
      expect(box.left).toBeGreaterThanOrEqual(0)
      expect(box.top).toBeGreaterThanOrEqual(0)
      expect(box.left + box.width).toBeLessThanOrEqual(size.width + 1)
      expect(box.top + box.height).toBeLessThanOrEqual(size.height + 1)
      for (const other of boxes.slice(index + 1)) expect(overlaps(box, other)).toBe(false)
    }
  })

  it('eight people and two screens: the big one is far bigger, the small ones can be made out', () => {
    const [big, ...strip] = layoutFocus(10, size, GAP)
    const area = (box: Box) => box.width * box.height
    expect(area(big!)).toBeGreaterThan(size.width * size.height * 0.45)
    for (const box of strip) {
      expect(area(box)).toBeLessThan(area(big!) / 5)
      expect(Math.min(box.width, box.height)).toBeGreaterThanOrEqual(40)
    }
  })
})

it('answers an empty stage with no tiles', () => {
  expect(layoutFocus(3, { width: 0, height: 100 }, GAP)).toEqual([])
  expect(placeTiles([], false, { width: 100, height: 100 }, GAP).size).toBe(0)
})

describe('places', () => {
  const eight = ['self', 'a', 'b', 'c', 'd', 'e', 'f', 'g']

  it('the last tile fills the gap, all others stay', () => {
    const after = keepPlaces(
      eight,
      eight.filter((key) => key !== 'b'),
      null,
    )
    expect(after).toEqual(['self', 'a', 'g', 'c', 'd', 'e', 'f'])
  })

  it('several leave at once, the last ones among them', () => {
    expect(keepPlaces(eight, ['self', 'c', 'd', 'e'], null)).toEqual(['self', 'e', 'd', 'c'])
    expect(keepPlaces(eight, ['self'], null)).toEqual(['self'])
    expect(keepPlaces(eight, [], null)).toEqual([])
  })

  it('newcomers stand at the end', () => {
    expect(keepPlaces(['self', 'b'], ['self', 'a', 'b'], null)).toEqual(['self', 'b', 'a'])
  })

  it('a change of focus moves two tiles only', () => {
    const first = keepPlaces(eight, eight, 'c')
    expect(first).toEqual(['c', 'a', 'b', 'self', 'd', 'e', 'f', 'g'])
    const second = keepPlaces(first, eight, 'f')
    expect(second.filter((key, index) => key !== first[index])).toHaveLength(2)
    expect(second[0]).toBe('f')
  })

  it('answers the same list when nothing moved', () => {
    expect(keepPlaces(eight, [...eight].reverse(), null)).toBe(eight)
    expect(keepPlaces(eight, eight, 'self')).toBe(eight)
  })

  it('every tile has a box, focused or not', () => {
    const size = { width: 1416, height: 776 }
    expect([...placeTiles(eight, false, size, GAP).keys()]).toEqual(eight)
    const focused = placeTiles(eight, true, size, GAP)
    expect(focused.get('self')!.width).toBeGreaterThan(1000)
    expect(placeTiles(['self'], true, size, GAP).get('self')).toMatchObject({ top: 0, height: 776 })
  })
})

describe('focus', () => {
  const base = {
    layout: 'speaker',
    pinned: null,
    screens: [] as string[],
    members: ['a', 'b'],
    speaker: 'b',
    gridForScreens: false,
  } as const

  it('follows the speaker in speaker layout and nobody in the grid', () => {
    expect(chooseFocus(base)).toBe('b')
    expect(chooseFocus({ ...base, speaker: null })).toBe('a')
    expect(chooseFocus({ ...base, speaker: 'gone' })).toBe('a')
    expect(chooseFocus({ ...base, members: [], speaker: null })).toBeNull()
    expect(chooseFocus({ ...base, layout: 'grid' })).toBeNull()
  })

  it('a shared screen comes before people, the newest first', () => {
    const screens = [screenKey('a'), screenKey('b')]
    expect(chooseFocus({ ...base, screens })).toBe(screenKey('b'))
    expect(chooseFocus({ ...base, screens, layout: 'grid' })).toBe(screenKey('b'))
    expect(chooseFocus({ ...base, screens, layout: 'grid', gridForScreens: true })).toBeNull()
    expect(chooseFocus({ ...base, screens, gridForScreens: true })).toBeNull()
  })

  it('what is pinned comes before everything, while it is there', () => {
    const screens = [screenKey('a')]
    expect(chooseFocus({ ...base, screens, pinned: 'a', layout: 'grid' })).toBe('a')
    expect(chooseFocus({ ...base, pinned: SELF })).toBe(SELF)
    expect(chooseFocus({ ...base, screens, pinned: 'gone' })).toBe(screenKey('a'))
  })
})

it('keeps the own picture inside the stage in every corner', () => {
  for (const [, size] of STAGES) {
    for (const right of [true, false]) {
      for (const bottom of [true, false]) {
        const box = floatingBox(size, { right, bottom }, GAP)
        expect(box.left).toBeGreaterThanOrEqual(GAP)
        expect(box.top).toBeGreaterThanOrEqual(GAP)
        expect(box.left + box.width).toBeLessThanOrEqual(size.width - GAP)
        expect(box.top + box.height).toBeLessThanOrEqual(size.height - GAP)
        expect(box.width * box.height).toBeLessThan(size.width * size.height * 0.2)
      }
    }
  }
})
