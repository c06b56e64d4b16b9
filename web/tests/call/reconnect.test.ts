import { describe, expect, it } from 'vitest'
import { decideReconnect, resumableUntil, type Loss } from '@/call/reconnect'

const decide = (change: Partial<Loss>) =>
  decideReconnect({ code: 1006, attempt: 0, attempts: 10, random: 0, ...change })
const again = { retry: true, delayMs: 0, rejoin: false, refresh: false }

describe('decideReconnect', () => {
  it.each([1001, 1005, 1006, 1011, 1015, 4000, 4001, 4005, 4100])('comes back at once after %i', (code) => {
    expect(decide({ code, random: 0.7 })).toEqual(again)
  })

  it.each([
    [1000, 'room_closed'],
    [1002, 'lost'],
    [1008, 'lost'],
    [4500, 'unauthenticated'],
    [4501, 'forbidden'],
    [4502, 'kicked'],
    [4503, 'banned'],
    [4504, 'room_full'],
    [4505, 'room_not_found'],
    [4506, 'bad_protocol'],
    [4507, 'replaced'],
    [4508, 'room_closed'],
    [4509, 'signed_out'],
    [4510, 'ended'],
    [4511, 'denied'],
    [4512, 'room_locked'],
    [4513, 'password_required'],
    [4514, 'wrong_password'],
    [4515, 'invitation_invalid'],
    [4999, 'lost'],
  ])('stays away after %i: %s', (code, reason) => {
    expect(decide({ code })).toEqual({ retry: false, reason })
  })

  it('comes in as someone new, without waiting, when the session is gone', () => {
    const refused = { code: 4002, attempt: 5, random: 0.9, resumeRefused: true }
    expect(decide(refused)).toEqual({ ...again, rejoin: true })
    expect(decide({ code: 4002, attempt: 1 })).toEqual({ ...again, rejoin: true })
    expect(decide({ code: 4002, attempt: 10 })).toEqual({ retry: false, reason: 'lost' })
  })

  it('waits when it is let in and thrown out again and again', () => {
    expect(decide({ code: 4002, attempt: 3 })).toEqual({ ...again, rejoin: true, delayMs: 1_000 })
  })

  it('gets new credentials when the old ones ran out', () => {
    expect(decide({ code: 4004 })).toEqual({ ...again, refresh: true })
  })

  it('takes the session back from a connection of its own', () => {
    expect(decide({ code: 4507, ownLateDial: true })).toEqual(again)
  })

  it('waits a while after it was too fast', () => {
    expect(decide({ code: 4003 })).toMatchObject({ delayMs: 3_000 })
    expect(decide({ code: 4003, attempt: 6, random: 0.99 })).toMatchObject({ delayMs: 9_950 })
  })

  it('spreads the return after a restart', () => {
    expect(decide({ code: 1012 })).toMatchObject({ delayMs: 0 })
    expect(decide({ code: 1012, random: 0.999 })).toMatchObject({ delayMs: 1499 })
  })

  it('waits longer each time, between half and all of the step', () => {
    const delays = (random: number) =>
      [1, 2, 3, 4, 5, 6, 7].map((attempt) => {
        const verdict = decide({ attempt, random })
        return verdict.retry ? verdict.delayMs : null
      })
    expect(delays(0)).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000])
    expect(delays(0.9999)).toEqual([500, 1000, 2000, 4000, 8000, 10000, 10000])
  })

  it('gives up after the last attempt', () => {
    expect(decide({ attempt: 9 }).retry).toBe(true)
    expect(decide({ attempt: 10 })).toEqual({ retry: false, reason: 'lost' })
  })
})

it('asks for the old session a little longer than its window: the server may have noticed later', () => {
  expect(resumableUntil(1_000, 30_000)).toBe(61_000)
})
