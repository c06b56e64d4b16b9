import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ApiError, describeError, OfflineError } from '@/api/errors'
import type { Fetch } from '@/api/http'
import { createApi } from '@/api/client'
import { roomAddress } from '@/api/room-address'
import { readExpiry, Session } from '@/api/session'
import { RefusedError } from '@/call/signaling'

const NOW = 1_800_000_000_000

function token(expiresInSeconds: number): string {
  return `h.${btoa(JSON.stringify({ exp: NOW / 1000 + expiresInSeconds }))}.s`
}

interface Call {
  path: string
  bearer: string | undefined
  deviceId: string | undefined
}

/** A server that answers each path as told, in order, and remembers what it was asked. */
function createServer(answers: Record<string, (() => Response | Promise<Response>)[]>) {
  const calls: Call[] = []
  const fetch: Fetch = async (path, init) => {
    const headers = init.headers as Record<string, string>
    calls.push({ path, bearer: headers['Authorization'], deviceId: headers['X-Device-ID'] })
    const next = answers[path]?.shift()
    if (!next) throw new TypeError(`no answer for ${path}`)
    return next()
  }
  return { fetch, calls, paths: () => calls.map(({ path }) => path) }
}

const ok = (body: unknown) => () => Response.json(body)
const fail = (status: number, code: string) => () =>
  Response.json({ error: 'words', code, request_id: 'r1' }, { status })
const signedIn = (value: string) => ok({ id: 7, token: value, username: 'alice' })

let hint: boolean

function createSession(server: { fetch: Fetch }, channel?: EventTarget) {
  return new Session({
    fetch: server.fetch,
    deviceId: () => 'device-1',
    hint: {
      get: () => hint,
      set: (value) => {
        hint = value
      },
    },
    channel: channel as BroadcastChannel | undefined,
    now: () => Date.now(),
  })
}

beforeEach(() => {
  hint = true
  vi.useFakeTimers({ now: NOW })
})
afterEach(() => vi.useRealTimers())

describe('Session', () => {
  it('asks nothing for a guest', async () => {
    hint = false
    const server = createServer({})
    const session = createSession(server)
    await session.start()
    expect(session.store.get()).toEqual({ status: 'signedOut' })
    expect(server.calls).toEqual([])
  })

  it('signs in silently at load and sends the device', async () => {
    const server = createServer({ '/api/auth/refresh': [signedIn(token(900))] })
    const session = createSession(server)
    await session.start()
    expect(session.store.get()).toEqual({ status: 'signedIn', user: { id: 7, username: 'alice' } })
    expect(server.calls[0]?.deviceId).toBe('device-1')
  })

  it('tells "signed out" from "no answer"', async () => {
    const refused = createSession(createServer({ '/api/auth/refresh': [fail(401, 'refresh_invalid')] }))
    await refused.start()
    expect(refused.store.get().status).toBe('signedOut')
    expect(hint).toBe(false)
    hint = true
    const offline = createSession(createServer({}))
    await offline.start()
    expect(offline.store.get().status).toBe('unreachable')
    expect(hint).toBe(true)
  })

  it('renews an expired token once for many requests', async () => {
    const first = token(900)
    const second = token(1800)
    const server = createServer({
      '/api/auth/login': [signedIn(first)],
      '/api/auth/refresh': [signedIn(second)],
      '/api/rooms': [
        fail(401, 'token_expired'),
        fail(401, 'token_expired'),
        fail(401, 'token_expired'),
        ok({ n: 1 }),
        ok({ n: 2 }),
        ok({ n: 3 }),
      ],
    })
    const session = createSession(server)
    await session.signIn({ username: 'alice', password: 'x' })
    const answers = await Promise.all([1, 2, 3].map(() => session.call('GET', '/rooms')))
    expect(answers).toHaveLength(3)
    expect(server.paths().filter((path) => path === '/api/auth/refresh')).toHaveLength(1)
    expect(server.calls.slice(-3).map(({ bearer }) => bearer)).toEqual(Array(3).fill(`Bearer ${second}`))
  })

  it('does not try for ever', async () => {
    const server = createServer({
      '/api/auth/login': [signedIn(token(900))],
      '/api/auth/refresh': [fail(401, 'refresh_invalid')],
      '/api/rooms': [fail(401, 'token_expired')],
    })
    const session = createSession(server)
    await session.signIn({ username: 'alice', password: 'x' })
    await expect(session.call('GET', '/rooms')).rejects.toMatchObject({ code: 'token_expired' })
    expect(session.store.get().status).toBe('signedOut')
  })

  it.each([[fail(429, 'rate_limited')], [fail(503, 'unavailable')], [() => Promise.reject(new TypeError())]])(
    'takes nobody for signed out when the token cannot be renewed just now',
    async (refusal) => {
      const server = createServer({
        '/api/auth/login': [signedIn(token(900))],
        '/api/auth/refresh': [refusal],
        '/api/ws-tickets': [fail(401, 'token_expired')],
      })
      const session = createSession(server)
      await session.signIn({ username: 'alice', password: 'x' })
      const address = roomAddress(createApi(session), 'ws://host/ws/room', true)
      await expect(address).rejects.toBeInstanceOf(OfflineError)
      expect(session.store.get().status).toBe('signedIn')
    },
  )

  it('ends a call whose person was signed out', async () => {
    const server = createServer({
      '/api/auth/login': [signedIn(token(900))],
      '/api/auth/refresh': [fail(401, 'refresh_invalid')],
      '/api/ws-tickets': [fail(401, 'token_expired')],
    })
    const session = createSession(server)
    await session.signIn({ username: 'alice', password: 'x' })
    const address = roomAddress(createApi(session), 'ws://host/ws/room', true)
    await expect(address).rejects.toBeInstanceOf(RefusedError)
  })

  it('stays a guest when someone signs in elsewhere and the server does not answer, and asks again', async () => {
    hint = false
    const channel = new EventTarget()
    const server = createServer({
      '/api/auth/refresh': [fail(503, 'unavailable'), signedIn(token(900))],
    })
    const session = createSession(server, channel)
    await session.start()
    channel.dispatchEvent(new MessageEvent('message', { data: 'signedIn' }))
    await vi.advanceTimersByTimeAsync(100)
    expect(server.calls).toHaveLength(1)
    expect(session.store.get().status).toBe('signedOut')
    await vi.advanceTimersByTimeAsync(10_000)
    expect(session.store.get().status).toBe('signedIn')
  })

  it('leaves a wrong password alone', async () => {
    const server = createServer({
      '/api/auth/login': [signedIn(token(900))],
      '/api/auth/password': [fail(401, 'bad_credentials')],
    })
    const session = createSession(server)
    await session.signIn({ username: 'alice', password: 'x' })
    await expect(session.call('POST', '/auth/password', {})).rejects.toMatchObject({
      code: 'bad_credentials',
    })
    expect(session.store.get().status).toBe('signedIn')
  })

  it('renews before the token expires', async () => {
    const server = createServer({
      '/api/auth/login': [signedIn(token(300))],
      '/api/auth/refresh': [signedIn(token(3000))],
    })
    const session = createSession(server)
    await session.signIn({ username: 'alice', password: 'x' })
    await vi.advanceTimersByTimeAsync(239_000)
    expect(server.paths()).toEqual(['/api/auth/login'])
    await vi.advanceTimersByTimeAsync(2_000)
    expect(server.paths()).toEqual(['/api/auth/login', '/api/auth/refresh'])
  })

  it('takes turns with other tabs', async () => {
    const server = createServer({ '/api/auth/refresh': [signedIn(token(900))] })
    const names: string[] = []
    const locks = {
      request: (name: string, work: () => Promise<boolean>) => {
        names.push(name)
        return work()
      },
    }
    const session = new Session({
      fetch: server.fetch,
      deviceId: () => 'd',
      hint: { get: () => true, set: () => undefined },
      locks: locks as unknown as LockManager,
    })
    await Promise.all([session.refresh(), session.refresh()])
    expect(names).toEqual(['chatter-refresh'])
    expect(server.calls).toHaveLength(1)
  })

  it('stays signed in when signing out gets no answer', async () => {
    const server = createServer({ '/api/auth/login': [signedIn(token(900))] })
    const session = createSession(server)
    await session.signIn({ username: 'alice', password: 'x' })
    await expect(session.signOut()).rejects.toBeInstanceOf(OfflineError)
    expect(session.store.get().status).toBe('signedIn')
  })
})

describe('errors', () => {
  it('speak plainly', () => {
    expect(describeError(new ApiError(429, 'rate_limited', '', '', 12))).toContain('12 s')
    expect(describeError(new ApiError(429, 'rate_limited', '', '', 600))).toContain('10 min')
    expect(describeError(new OfflineError())).toContain('can’t reach')
    expect(describeError(new ApiError(422, 'validation_failed', 'username is too short'))).toBe(
      'username is too short',
    )
  })

  it('tell a proxy without a server from the server itself', async () => {
    const session = createSession(
      createServer({ '/api/rooms': [() => new Response('<html>', { status: 502 })] }),
    )
    await expect(session.call('GET', '/rooms')).rejects.toBeInstanceOf(OfflineError)
  })
})

it('reads when a token expires', () => {
  expect(readExpiry(token(60))).toBe(NOW + 60_000)
  expect(readExpiry('nonsense')).toBeNull()
})
