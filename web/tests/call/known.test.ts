import { expect, it } from 'vitest'
import { known } from '@/call/known'

it('leaves out what a frame has no room for, and keeps zeros', () => {
  const gaps = { none: null, nothing: undefined, nan: NaN, endless: Infinity, zero: 0, empty: '', off: false }
  expect(known<Partial<Record<keyof typeof gaps, unknown>>>(gaps)).toEqual({ zero: 0, empty: '', off: false })
})
