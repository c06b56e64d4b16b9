import { describe, expect, it } from 'vitest'
import { decideReconnect } from '@/call/reconnect'

describe('decideReconnect', () => {
  it.each([1000, 4500, 4502, 4504, 4505, 4508, 4999, 1002, 1007])('stays away after %i', (code) => {
    expect(decideReconnect(code, 0, 0.5, 10)).toEqual({ retry: false })
  })

  it.each([1001, 1006, 1009, 1011, 4000, 4001, 4002, 4003, 4005, 4499])(
    'comes back at once after %i',
    (code) => {
      expect(decideReconnect(code, 0, 0.9, 10)).toEqual({ retry: true, delayMs: 0 })
    },
  )

  it('spreads the return after a restart', () => {
    expect(decideReconnect(1012, 0, 0, 10)).toEqual({ retry: true, delayMs: 0 })
    expect(decideReconnect(1012, 0, 0.999, 10)).toEqual({ retry: true, delayMs: 1499 })
  })

  it('waits longer each time, between half and all of the step', () => {
    const delays = (random: number) =>
      [1, 2, 3, 4, 5, 6, 7].map((attempt) => {
        const verdict = decideReconnect(1006, attempt, random, 10)
        return verdict.retry ? verdict.delayMs : null
      })
    expect(delays(0)).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000])
    expect(delays(0.9999)).toEqual([500, 1000, 2000, 4000, 8000, 10000, 10000])
  })

  it('gives up after the last attempt', () => {
    expect(decideReconnect(1006, 3, 0, 4).retry).toBe(true)
    expect(decideReconnect(1006, 4, 0, 4).retry).toBe(false)
  })
})
