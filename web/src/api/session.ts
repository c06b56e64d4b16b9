/**
 * Who is signed in here. The access token lives in memory only; the refresh token is a cookie that scripts cannot
 * read. Refreshing rotates that cookie, so it happens once at a time, across tabs too.
 */
import { createStore, type Store } from '@/lib/store'
import { ApiError, OfflineError } from './errors'
import { request, type Fetch, type Method } from './http'
import type { Credentials, SignedIn } from './types'

export interface User {
  readonly id: number
  readonly username: string
}

export type SessionState =
  | { readonly status: 'loading' }
  | { readonly status: 'signedOut' }
  /** Was signed in, but the server does not answer, so nobody knows. */
  | { readonly status: 'unreachable' }
  | { readonly status: 'signedIn'; readonly user: User }

export interface SessionOptions {
  readonly fetch: Fetch
  readonly deviceId: () => string
  /** Remembers that a refresh cookie should exist, so that guests send no request that must fail. */
  readonly hint: { get: () => boolean; set: (signedIn: boolean) => void }
  readonly locks?: Pick<LockManager, 'request'> | undefined
  readonly channel?: Pick<BroadcastChannel, 'postMessage' | 'addEventListener'> | undefined
  readonly now?: () => number
}

const REFRESH_AHEAD_MS = 60_000
const LONGEST_TIMER_MS = 2 ** 31 - 1

export class Session {
  readonly store: Store<SessionState> = createStore<SessionState>({ status: 'loading' })
  readonly #options: SessionOptions
  readonly #now: () => number
  #token: string | null = null
  #expiresAt = 0
  #refreshing: Promise<boolean> | null = null
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(options: SessionOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    options.channel?.addEventListener('message', ({ data }: MessageEvent) => {
      if (data === 'signedOut') this.#clear()
      else if (data === 'signedIn' && !this.#token) void this.refresh()
    })
  }

  /** Find out at load whether someone is signed in. */
  async start(): Promise<void> {
    if (this.#options.hint.get()) await this.refresh()
    else this.store.set({ status: 'signedOut' })
  }

  async register(credentials: Credentials): Promise<void> {
    await this.#enter('/auth/register', credentials)
  }

  async signIn(credentials: Credentials): Promise<void> {
    await this.#enter('/auth/login', credentials)
  }

  async signOut(): Promise<void> {
    try {
      await this.call('POST', '/auth/logout')
    } catch (error) {
      // Signed out already is signed out; without an answer the cookie would live on.
      if (error instanceof OfflineError) throw error
    }
    this.#clear()
    this.#options.channel?.postMessage('signedOut')
  }

  /**
   * A request as the signed-in person, or as a guest; an expired token is renewed once and unseen.
   *
   * @throws OfflineError also when it could not be renewed just now: nobody said that the person is signed out.
   */
  async call<T = void>(
    method: Method,
    path: string,
    body?: unknown,
    invitation: string | null = null,
  ): Promise<T> {
    if (this.#token && this.#expiresAt - this.#now() < 5_000) await this.refresh()
    const token = this.#token
    try {
      return await request<T>(this.#options.fetch, method, path, { body, token, invitation })
    } catch (error) {
      const stale =
        error instanceof ApiError && (error.code === 'token_expired' || error.code === 'unauthenticated')
      if (!stale || !token) throw error
      // Another request may have renewed it meanwhile.
      if (this.#token === token && !(await this.refresh()))
        throw this.#isSignedIn() ? new OfflineError() : error
      return await request<T>(this.#options.fetch, method, path, { body, token: this.#token, invitation })
    }
  }

  #isSignedIn(): boolean {
    return this.store.get().status === 'signedIn'
  }

  /** Get a new access token. All callers share one request; the answer says whether someone is signed in. */
  refresh(): Promise<boolean> {
    this.#refreshing ??= this.#locked(() => this.#refresh()).finally(() => {
      this.#refreshing = null
    })
    return this.#refreshing
  }

  async #refresh(): Promise<boolean> {
    try {
      this.#accept(
        await request<SignedIn>(this.#options.fetch, 'POST', '/auth/refresh', {
          deviceId: this.#options.deviceId(),
        }),
      )
      return true
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.#clear()
      // Only who was never told who they are hears of it: a running call, also a guest's, goes on meanwhile.
      else if (this.store.get().status === 'loading') this.store.set({ status: 'unreachable' })
      else this.#schedule(10_000)
      return false
    }
  }

  async #locked(work: () => Promise<boolean>): Promise<boolean> {
    const { locks } = this.#options
    return locks ? await locks.request('chatter-refresh', work) : await work()
  }

  async #enter(path: string, credentials: Credentials): Promise<void> {
    const answer = await request<SignedIn>(this.#options.fetch, 'POST', path, {
      body: credentials,
      deviceId: this.#options.deviceId(),
    })
    this.#accept(answer)
    this.#options.channel?.postMessage('signedIn')
  }

  #accept({ id, token, username }: SignedIn): void {
    this.#token = token
    this.#expiresAt = readExpiry(token) ?? this.#now() + 5 * 60_000
    this.#options.hint.set(true)
    this.#schedule(this.#expiresAt - this.#now() - REFRESH_AHEAD_MS)
    const before = this.store.get()
    if (before.status === 'signedIn' && before.user.id === id && before.user.username === username) return
    this.store.set({ status: 'signedIn', user: { id, username } })
  }

  #clear(): void {
    this.#token = null
    clearTimeout(this.#timer)
    this.#options.hint.set(false)
    this.store.set({ status: 'signedOut' })
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.refresh(), Math.min(Math.max(delayMs, 1_000), LONGEST_TIMER_MS))
  }
}

/** When a JWT expires (RFC 7519 §4.1.4), in milliseconds; null when it does not say. */
export function readExpiry(token: string): number | null {
  try {
    const payload = token.split('.')[1] ?? ''
    const claims: unknown = JSON.parse(atob(payload.replace(/-/g, '+').replace(/_/g, '/')))
    if (typeof claims !== 'object' || claims === null || !('exp' in claims)) return null
    return typeof claims.exp === 'number' ? claims.exp * 1000 : null
  } catch {
    return null
  }
}
