import { expect, it } from 'vitest'
import { safeNext } from '@/app/router'

it.each([
  ['/r/abc', '/r/abc'],
  [null, '/'],
  ['https://evil.test/', '/'],
  ['//evil.test/', '/'],
  ['/\\evil.test', '/'],
])('after signing in goes from %j to %j', (next, path) => {
  expect(safeNext(next)).toBe(path)
})
