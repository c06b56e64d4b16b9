import { describe, expect, it } from 'vitest'
import type { CallEvent, CallPair, CallRecord } from '@/api/call-record'
import { describeEvent, isRoutine } from '@/features/calls/event-words'
import { groupByDay, hasTrouble, mergeCalls, nameDay, startOfDay } from '@/features/calls/list'
import { countPeople, nameMembers, peopleOf } from '@/features/calls/names'
import {
  countCandidates,
  describePath,
  describeSpread,
  describeTook,
  formatMoment,
  listPairNumbers,
  listQuality,
  listReport,
} from '@/features/calls/pair-words'
import { formatLength } from '@/lib/time'
import { AT, entry, failedCall, member } from '../call-records'

describe('names', () => {
  it('tell two of the same name apart as the server does', () => {
    const nameOf = nameMembers([member('a1b2c3', 'Ben'), member('d4e5f6', 'Ben'), member('x', '')])
    expect(nameOf('a1b2c3')).toBe('Ben (a1b2)')
    expect(nameOf('d4e5f6')).toBe('Ben (d4e5)')
    expect([nameOf('x'), nameOf('gone'), nameOf(undefined)]).toEqual(['Someone', 'Someone', 'Someone'])
  })

  it('count who came back once, and recorders not at all', () => {
    const record = (members: CallRecord['members']): CallRecord => ({ ...failedCall, members: members ?? [] })
    expect(peopleOf(failedCall)).toBe(3)
    expect(
      peopleOf(
        record([
          member('1', 'Ben', { leftAt: AT + 10 }),
          member('2', 'Ben', { joinedAt: AT + 20 }),
          member('3', 'Ben', { joinedAt: AT + 30, account: true }),
          member('4', 'Recorder of Ben', { kind: 'recorder' }),
        ]),
      ),
    ).toBe(2)
    expect(peopleOf(record([member('1', 'Ben'), member('2', 'Ben')]))).toBe(2)
    expect(peopleOf({ ...record([]), moreMembers: 4 })).toBe(4)
    expect([0, 1, 2].map(countPeople)).toEqual(['nobody inside', '1 person', '2 people'])
  })
})

describe('events', () => {
  const nameOf = nameMembers([member('a', 'Anna'), member('b', 'Ben')])
  it.each([
    ['join', '', 'Anna came in'],
    ['leave', 'left', 'Anna left'],
    ['leave', 'slow', 'Anna was disconnected: the connection was too slow to keep up'],
    ['leave', 'from_the_future', 'Anna left'],
    ['lost', '', 'Anna lost the connection to the server'],
    ['back', '', 'Anna was connected to the server again'],
    ['refused', 'room_full', 'Someone was kept out: the room was full'],
    ['refused', 'from_the_future', 'Someone was kept out: from the future'],
    ['offer', '', 'Anna offered Ben a connection'],
    ['answer', '', 'Anna answered Ben'],
    ['connected', '', 'Anna was connected to Ben'],
    ['disconnected', '', 'Anna heard nothing more from Ben'],
    ['failed', '', 'Anna found no path to Ben'],
    ['failed', 'no_answer', 'Anna found no path to Ben, as no answer came'],
    ['timeout', '', 'Anna and Ben found no path in time'],
    ['abandoned', '', 'Anna and Ben stopped looking for a path'],
    ['ice_restart', '', 'Anna looked for another path to Ben'],
    ['rebuild', '', 'Anna set up the connection to Ben anew'],
    ['media_error', 'audio:permission', 'Anna had no microphone: the browser was not allowed to use it'],
    ['media_error', 'video:worn_out', 'Anna had no camera: worn out'],
    ['media_error', '', 'Anna had no device'],
    ['media', 'audio', 'Anna had a microphone after all'],
    ['role', 'moderator', 'Anna became a moderator'],
    ['unreachable', '', 'Somebody reported that they could not reach the call'],
    [
      'unreachable',
      'socket_blocked',
      'Somebody reported that they could not reach the call: the connection for calls could not be opened',
    ],
    ['painted_blue', 'twice_a', 'painted blue: twice a'],
    ['constructor', '', 'constructor'],
  ])('%s (%s): %s', (kind, detail, words) => {
    const event = { at: 0, kind, member: 'a', other: 'b', detail } as CallEvent
    expect(describeEvent(event, nameOf)).toBe(words)
  })

  it('that belong to every call are routine', () => {
    const routine = (failedCall.events ?? []).filter(isRoutine)
    expect(routine.map(({ kind }) => kind)).toEqual(['offer', 'answer'])
  })
})

describe('pairs', () => {
  const numbers = failedCall.pairs?.map((pair) => Object.fromEntries(listPairNumbers(pair)))

  it('are told in plain words, of both sides the worse', () => {
    expect(numbers?.[0]).toEqual({
      Setup: '–',
      Path: '–',
      Delay: '–',
      Loss: '–',
      Freezes: '–',
      Attempts: '2',
    })
    expect(numbers?.[1]).toEqual({
      Setup: '0.8 s',
      Path: 'directly',
      Delay: '42 ms, up to 180 ms',
      Loss: '0.4 %, up to 12 %',
      Freezes: '3, 4.2 s',
      Attempts: '1',
    })
    expect(numbers?.[2]).toMatchObject({ Setup: '2.1 s', Path: 'over TURN (tls)' })
  })

  it('count the setup until the first path, whichever attempt found it', () => {
    const failed = { kind: 'initial', startedAt: AT, settledAt: AT + 15_000, outcome: 'failed' } as const
    const found = {
      kind: 'rebuild',
      startedAt: AT + 16_000,
      settledAt: AT + 20_000,
      outcome: 'connected',
    } as const
    const setupOf = (pair: Partial<CallPair>) =>
      Object.fromEntries(listPairNumbers({ a: 'a', b: 'b', ...pair }))['Setup']
    expect(setupOf({ attempts: [failed, found], connectedAt: AT + 20_000 })).toBe('20 s')
    expect(setupOf({ attempts: [failed] })).toBe('–')
    expect(setupOf({ attempts: [found], connectedAt: AT + 20_000 })).toBe('–')
  })

  it('count what is not kept', () => {
    expect(Object.fromEntries(listPairNumbers({ a: 'a', b: 'b', moreAttempts: 3 }))['Attempts']).toBe('3')
  })

  it.each([
    [[{ local: 'host', remote: 'srflx', protocol: 'udp' }], 'directly'],
    [[{ local: 'host', remote: 'host', protocol: 'tcp' }], 'directly (tcp)'],
    [[{}], 'directly'],
    [[{ local: 'relay', remote: 'srflx', relayProtocol: 'tcp' }], 'over TURN (tcp)'],
    [[{ local: 'srflx', remote: 'relay', protocol: 'udp' }], 'over TURN'],
    [
      [
        { local: 'relay', remote: 'relay', relayProtocol: 'udp' },
        { local: 'relay', remote: 'relay', relayProtocol: 'tls' },
      ],
      'over TURN (tls, udp)',
    ],
  ] as const)('%j: %s', (sides, words) => expect(describePath(sides)).toBe(words))

  it('are told in detail as far as it is known', () => {
    expect(describeSpread([0.01, 0.01], '%')).toBe('1 %')
    expect(describeSpread(null, 'ms')).toBe('–')
    expect(countCandidates({})).toBe('none')
    expect(countCandidates({ relay: 1, host: 2 })).toBe('2 local, 1 TURN')
    expect(listReport({})).toEqual([])
    expect(listReport({ local: { srflx: 1 }, elapsedMs: 12_000, serverErrors: [401, 701] })).toEqual([
      ['Own addresses', '1 public'],
      ['Last report after', '12 s'],
      ['STUN and TURN errors', '401, 701'],
    ])
    expect(listQuality({ digests: 10, limitedByCpu: 5, bitrateIn: 90_000, freezes: 2 })).toEqual([
      ['Receiving', '90 kbit/s'],
      ['Freezes', '2'],
      ['Held back by', 'the machine (50 % of the time)'],
    ])
    expect(describeTook({ kind: 'initial', startedAt: 0 })).toBe('')
    expect(describeTook({ kind: 'initial', startedAt: 0, settledAt: 30_000 })).toBe('after 30 s')
  })
})

describe('lengths', () => {
  it.each([
    [-5, '0 s'],
    [2_600, '3 s'],
    [59_400, '59 s'],
    [59_600, '1 min'],
    [39 * 60_000, '39 min'],
    [3_600_000, '1 h'],
    [4_320_000, '1 h 12 min'],
    [3_599_000, '1 h'],
  ])('%d ms: %s', (ms, words) => expect(formatLength(ms)).toBe(words))

  it('keep a decimal while they are short', () => {
    expect([820, 9_940, 10_000].map(formatMoment)).toEqual(['0.8 s', '9.9 s', '10 s'])
  })
})

describe('the list of calls', () => {
  const noon = new Date(2026, 2, 3, 12).getTime()
  const hours = (count: number) => noon - count * 3_600_000

  it('is put together from pages, the fresh one counting', () => {
    const known = [entry('b', { startedAt: 2 }), entry('a', { startedAt: 1 })]
    const fresh = [entry('c', { startedAt: 3 }), entry('b', { startedAt: 2, running: true })]
    const merged = mergeCalls(known, fresh)
    expect(merged.map(({ id, running }) => [id, running])).toEqual([
      ['c', false],
      ['b', true],
      ['a', false],
    ])
  })

  it('is divided where a day ends on the reader’s clock', () => {
    const calls = [1, 11, 13, 14].map((count) => entry(String(count), { startedAt: hours(count) }))
    expect(groupByDay(calls).map(({ calls: some }) => some.length)).toEqual([2, 2])
    expect(groupByDay(calls)[0]?.at).toBe(startOfDay(noon))
  })

  it('names days as people do', () => {
    expect(nameDay(hours(2), noon)).toBe('Today')
    expect(nameDay(hours(13), noon)).toBe('Yesterday')
    expect(nameDay(hours(24 * 40), noon)).not.toContain('2026')
    expect(nameDay(hours(24 * 400), noon)).toContain('2025')
  })

  it('knows trouble', () => {
    const results = ['ok', 'degraded', 'failed', 'empty'] as const
    expect(results.filter((result) => hasTrouble({ result }))).toEqual(['degraded', 'failed'])
  })
})
