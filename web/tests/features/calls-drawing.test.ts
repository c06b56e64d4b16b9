import { describe, expect, it } from 'vitest'
import type { CallEvent, CallPair, CallRecord } from '@/api/call-record'
import {
  doorLane,
  isRunning,
  isTroubled,
  memberLanes,
  pairKey,
  pairLanes,
  wholeCall,
} from '@/features/calls/lanes'
import { marksOf, toneOf } from '@/features/calls/marks'
import { sortPairs } from '@/features/calls/pairs'
import {
  around,
  clockOffset,
  fit,
  isInView,
  lengthOf,
  placeOf,
  shift,
  spanOf,
  ticksOf,
  zoom,
} from '@/features/calls/scale'
import { AT, failedCall, longCall, member, shortCall } from '../call-records'

const whole = { from: 0, to: 100_000 }

describe('the scale', () => {
  it('places moments and stretches in percent', () => {
    expect(placeOf(25_000, whole)).toBe(25)
    expect(spanOf({ from: -10_000, to: 50_000 }, whole)).toEqual({ left: 0, width: 50 })
    expect(spanOf({ from: 50_000, to: 50_000 }, whole)).toEqual({ left: 50, width: 0 })
    expect(spanOf({ from: 100_000, to: 120_000 }, whole)).toBeNull()
    expect(spanOf({ from: 120_000, to: 130_000 }, whole)).toBeNull()
    expect([isInView(0, whole), isInView(100_000, whole), isInView(100_001, whole)]).toEqual([
      true,
      true,
      false,
    ])
  })

  it('looks closer and further, and never beyond the call', () => {
    const near = zoom(whole, whole, 0.5)
    expect(near).toEqual({ from: 25_000, to: 75_000 })
    expect(shift(near, whole, 0.5)).toEqual({ from: 50_000, to: 100_000 })
    expect(shift(near, whole, -3)).toEqual({ from: 0, to: 50_000 })
    expect(zoom(near, whole, 4)).toEqual(whole)
    expect(around(1_000, whole, 60_000)).toEqual({ from: 0, to: 60_000 })
  })

  it('stops where there is nothing more to see', () => {
    expect(lengthOf(zoom(whole, whole, 0.000_1))).toBe(2_000)
    expect(fit({ from: 400, to: 500 }, { from: 0, to: 1_000 })).toEqual({ from: 0, to: 1_000 })
  })

  it.each([
    ['three seconds', 3_000, 6, 1_000, true],
    ['a minute', 60_000, 8, 10_000, true],
    ['an hour', 3_600_000, 8, 600_000, false],
    ['three hours', 10_800_000, 8, 1_800_000, false],
    ['two days', 172_800_000, 8, 21_600_000, false],
  ])('marks round times of %s', (_, length, most, step, seconds) => {
    const from = Date.parse('2026-03-03T10:02:03Z')
    const ticks = ticksOf({ from, to: from + length }, most, 0)
    expect(ticks.seconds).toBe(seconds)
    expect(ticks.at.length).toBeGreaterThan(1)
    expect(ticks.at.length).toBeLessThanOrEqual(most + 1)
    for (const at of ticks.at) {
      expect(at % step).toBe(0)
      expect(isInView(at, { from, to: from + length })).toBe(true)
    }
  })

  it('marks hours of the reader’s clock, also half an hour beside UTC', () => {
    const half = 1_800_000
    const { at } = ticksOf({ from: 0, to: 6 * 3_600_000 }, 6, half)
    expect(at[0]).toBe(half)
    expect(Math.abs(clockOffset(0)) % 60_000).toBe(0)
  })

  it('still marks a call of weeks', () => {
    expect(ticksOf({ from: 0, to: 40 * 86_400_000 }, 4, 0).at.length).toBeLessThanOrEqual(5)
  })
})

describe('the lanes of members', () => {
  it('reach from join to leave, with gaps where the server was out of reach', () => {
    const [anna, ben, cem] = memberLanes(failedCall, AT + 300_000)
    expect(anna?.stretches).toEqual([{ from: AT, to: AT + 300_000, state: 'here' }])
    expect(ben?.stretches).toEqual([{ from: AT + 12_000, to: AT + 180_000, state: 'here' }])
    expect(cem?.stretches.map(({ from, to, state }) => [from - AT, to - AT, state])).toEqual([
      [40_000, 100_000, 'here'],
      [100_000, 112_000, 'away'],
      [112_000, 300_000, 'here'],
    ])
  })

  it('mark what is no usual course of things', () => {
    const [anna, ben, cem] = memberLanes(failedCall, AT + 300_000)
    expect(anna?.events).toEqual([])
    expect(ben?.events.map(({ kind }) => kind)).toEqual(['leave'])
    expect(cem?.events.map(({ kind }) => kind)).toEqual(['media_error', 'lost', 'back', 'role'])
  })

  it('go on to the end of what is known while someone is there or away', () => {
    const record: CallRecord = {
      ...failedCall,
      endedAt: null,
      members: [member('a', 'Anna')],
      events: [{ at: AT + 5_000, kind: 'lost', member: 'a' }],
    }
    expect(memberLanes(record, AT + 9_000)[0]?.stretches.at(-1)).toEqual({
      from: AT + 5_000,
      to: AT + 9_000,
      state: 'away',
    })
  })
})

describe('the lanes of pairs', () => {
  const states = (pair: CallPair, events: CallEvent[]) =>
    pairLanes({ ...shortCall, pairs: [pair], events }, AT + 3_000)[0]?.stretches.map(
      ({ from, to, state }) => [from - AT, to - AT, state],
    )
  const pair: CallPair = { a: 'a', b: 'b' }

  it('tell when a path was looked for, found and lost', () => {
    const [ab, ac] = pairLanes(failedCall, AT + 300_000)
    expect(ab?.stretches.map(({ state }) => state)).toEqual(['connecting', 'failed', 'recovering', 'failed'])
    // Ben was gone by then.
    expect(ab?.stretches.at(-1)?.to).toBe(AT + 180_000)
    expect(ac?.stretches.map(({ state }) => state)).toEqual(['connecting', 'connected'])
    expect([isTroubled(ab!), isTroubled(ac!)]).toEqual([true, false])
  })

  it('tell of a path that broke off and came back by itself', () => {
    const attempts = [{ kind: 'initial', startedAt: AT, settledAt: AT + 500, outcome: 'connected' } as const]
    expect(
      states({ ...pair, attempts }, [
        { at: AT + 1_000, kind: 'disconnected', member: 'b', other: 'a' },
        { at: AT + 1_500, kind: 'connected', member: 'b', other: 'a' },
      ]),
    ).toEqual([
      [0, 500, 'connecting'],
      [500, 1_000, 'connected'],
      [1_000, 1_500, 'interrupted'],
      // One of them left then.
      [1_500, 2_500, 'connected'],
    ])
  })

  it('end where an attempt was abandoned, and are of another kind where nobody reports', () => {
    const initial = { kind: 'initial', startedAt: AT } as const
    expect(
      states({ ...pair, attempts: [{ ...initial, settledAt: AT + 900, outcome: 'abandoned' }] }, []),
    ).toEqual([[0, 900, 'connecting']])
    expect(
      states({ ...pair, attempts: [{ ...initial, settledAt: AT + 900, outcome: 'unreported' }] }, []),
    ).toEqual([[0, 2_500, 'unknown']])
    expect(states(pair, [])).toEqual([])
  })

  it('find the events of a pair whoever told of them', () => {
    expect(pairKey('b', 'a')).toBe(pairKey('a', 'b'))
    const [ab] = pairLanes(failedCall, AT + 300_000)
    expect(ab?.events.map(({ kind }) => kind)).toEqual(['timeout', 'ice_restart', 'failed'])
  })

  it('hold a call of eight people', () => {
    const lanes = pairLanes(longCall(), AT + 180 * 60_000)
    expect(lanes).toHaveLength(28)
    expect(lanes.filter(isTroubled)).toHaveLength(3)
  })
})

it('puts those who were kept out into a lane of their own', () => {
  expect(doorLane(failedCall)?.events.map(({ detail }) => detail)).toEqual(['wrong_password'])
  expect(doorLane(shortCall)).toBeNull()
})

describe('the whole call', () => {
  it('ends with it, with now while it runs, with the last event when it was interrupted', () => {
    const open: CallRecord = { ...shortCall, endedAt: null }
    expect(wholeCall(shortCall, 0)).toEqual({ from: AT, to: AT + 3_000 })
    expect(wholeCall(open, AT + 60_000).to).toBe(AT + 60_000)
    // The clock of this machine is behind.
    expect(wholeCall(open, AT - 60_000).to).toBe(AT + 3_000)
    expect(wholeCall({ ...open, interrupted: true }, AT + 60_000).to).toBe(AT + 3_000)
    expect([isRunning(open), isRunning({ ...open, interrupted: true })]).toEqual([true, false])
  })

  it('is never too short to be drawn', () => {
    expect(lengthOf(wholeCall({ id: 'x', room: 'r', startedAt: AT, endedAt: AT }, AT))).toBe(1_000)
  })
})

describe('marks', () => {
  const lost: CallEvent = { at: 10_000, kind: 'lost' }
  const back: CallEvent = { at: 11_000, kind: 'back' }
  const failed: CallEvent = { at: 12_000, kind: 'media_error' }

  it('stand alone where there is room, and together where there is not', () => {
    expect(marksOf([lost, back], whole, 0.5).map(({ left }) => left)).toEqual([10, 11])
    const [together, ...others] = marksOf([lost, back, failed], whole, 5)
    expect(others).toEqual([])
    expect(together).toEqual({ left: 10, events: [lost, back, failed], worst: failed })
  })

  it('are left out where they are not in view', () => {
    expect(marksOf([lost], { from: 0, to: 5_000 }, 1)).toEqual([])
  })

  it.each([
    [{ at: 0, kind: 'leave', detail: 'left' }, 'plain'],
    [{ at: 0, kind: 'leave', detail: 'lost' }, 'bad'],
    [{ at: 0, kind: 'disconnected' }, 'warning'],
    [{ at: 0, kind: 'connected' }, 'good'],
    [{ at: 0, kind: 'constructor' }, 'plain'],
  ] as [CallEvent, string][])('%j is %s news', (event, tone) => expect(toneOf(event)).toBe(tone))
})

it('lists first the pairs without a path, then those that needed most', () => {
  const tried = (a: string, count: number, outcome: CallPair['outcome']): CallPair => ({
    a,
    b: 'z',
    ...(outcome === undefined ? {} : { outcome }),
    attempts: Array.from({ length: count }, () => ({ kind: 'initial', startedAt: 0 })),
  })
  const pairs = [
    tried('fine', 1, 'connected'),
    tried('often', 3, 'connected'),
    tried('now', 1, undefined),
    tried('none', 1, 'timeout'),
  ]
  expect(sortPairs(pairs).map(({ a }) => a)).toEqual(['none', 'now', 'often', 'fine'])
})
