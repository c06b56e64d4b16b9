import { afterEach, expect, it, vi } from 'vitest'
import { reportTrouble } from '@/api/troubles'

afterEach(() => vi.unstubAllGlobals())

it('tells of a socket that cannot be had, also while the page goes away', async () => {
  const fetch = vi.fn(async () => new Response(null, { status: 204 }))
  vi.stubGlobal('fetch', fetch)
  const trouble = { reason: 'socket_blocked', attempts: 3, closeCode: 1006 } as const
  await reportTrouble('blue room', trouble)
  expect(fetch).toHaveBeenCalledWith(
    '/api/rooms/blue%20room/troubles',
    expect.objectContaining({ method: 'POST', keepalive: true, body: JSON.stringify(trouble) }),
  )
})

it('rejects when that cannot be told either', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('offline')))
  await expect(
    reportTrouble('blue-room', { reason: 'socket_lost', attempts: 9, closeCode: 1011 }),
  ).rejects.toThrow()
})
