import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Pacer } from '@/call/pacer'
import type { PathReport } from '@/call/path-report'

let passed: string[]
let pacer: Pacer

const report = (state: PathReport['state'], change: Partial<PathReport> = {}): PathReport => ({
  connection: 'c1',
  state,
  reason: 'state',
  ...change,
})
const flap = (times: number) => {
  for (let time = 0; time < times; time++) pacer.push(report(time % 2 ? 'connected' : 'disconnected'))
}

beforeEach(() => {
  vi.useFakeTimers()
  passed = []
  pacer = new Pacer(({ state, reason }) => passed.push(reason === 'state' ? state : (reason ?? '')))
})
afterEach(() => {
  pacer.close()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

it('lets ten pass at once, and the newest of the rest when there is room again', async () => {
  flap(37)
  expect(passed).toHaveLength(10)
  await vi.advanceTimersByTimeAsync(9_999)
  expect(passed).toHaveLength(10)
  await vi.advanceTimersByTimeAsync(1)
  expect(passed).toHaveLength(11)
  expect(passed.at(-1)).toBe('disconnected')
})

it('never holds back a failure or what we begin, and keeps the order', () => {
  flap(11)
  pacer.push(report('failed'))
  pacer.push(report('connecting', { reason: 'ice_restart' }))
  pacer.push(report('connecting'))
  pacer.push(report('new', { reason: 'rebuild' }))
  expect(passed.slice(10)).toEqual(['disconnected', 'failed', 'ice_restart', 'connecting', 'rebuild'])
})

it('counts anew after a while', async () => {
  flap(10)
  await vi.advanceTimersByTimeAsync(10_000)
  flap(10)
  expect(passed).toHaveLength(20)
  await vi.advanceTimersByTimeAsync(10_000)
  expect(passed).toHaveLength(20)
})

it('says nothing once closed', async () => {
  flap(11)
  pacer.close()
  await vi.advanceTimersByTimeAsync(20_000)
  expect(passed).toHaveLength(10)
})
