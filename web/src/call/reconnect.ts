/** When and how to come back after a lost connection: a pure policy. */
import { reasonOf } from './closes'
import type { EndReason } from './types'

export type Verdict =
  /** `rejoin`: the session is gone, come in as someone new. `refresh`: get new credentials first. */
  | { readonly retry: true; readonly delayMs: number; readonly rejoin: boolean; readonly refresh: boolean }
  | { readonly retry: false; readonly reason: EndReason }

export interface Loss {
  /** WebSocket close code (RFC 6455 §7.4); 1006 when there was none. */
  readonly code: number
  /** How many tries in a row have failed before this one, from 0. */
  readonly attempt: number
  /** How many tries to make before giving up. */
  readonly attempts: number
  /** In [0, 1). */
  readonly random: number
  /** Whether a connection of ours that we gave up may have taken the session over. */
  readonly ownLateDial?: boolean
  /** Whether the connection was only to go on with the session, and never did. */
  readonly resumeRefused?: boolean
}

const FIRST_STEP_MS = 500
const LONGEST_MS = 10_000
/** A restart ends every call at once: spread their return, so that the new process is not run over. */
const RESTART_SPREAD_MS = 1_500
/** Who was too fast waits at least so long. */
const AFTER_FLOOD_MS = 3_000
/** The server may have noticed the loss later than we did, so its window may end later. */
const WINDOW_SLACK_MS = 30_000
/** Closed by the protocol layer for what we sent; sending it again would end the same way. */
const OUR_FAULT = new Set([1002, 1003, 1007, 1008, 1010])

const RESTART = 1012
const STATE_LOST = 4002
const RATE_LIMITED = 4003
const CREDENTIALS_EXPIRED = 4004
const REPLACED = 4507

/** Decide what to do after a close. */
export function decideReconnect(loss: Loss): Verdict {
  const { code, attempt, attempts, random, ownLateDial = false, resumeRefused = false } = loss
  const again = (delayMs: number): Verdict => ({
    retry: true,
    delayMs: Math.round(delayMs),
    rejoin: code === STATE_LOST,
    refresh: code === CREDENTIALS_EXPIRED,
  })
  if (code === REPLACED && ownLateDial) return again(0)
  if (code === 1000 || code >= 4500 || OUR_FAULT.has(code))
    return { retry: false, reason: reasonOf(code) ?? 'lost' }
  if (attempt >= attempts) return { retry: false, reason: 'lost' }
  // The server answers, so there is nothing to wait for, unless it lets us in and throws us out again and again.
  if (code === STATE_LOST && (resumeRefused || attempt <= 1)) return again(0)
  const wait = code === RATE_LIMITED ? AFTER_FLOOD_MS : 0
  if (attempt === 0) return again(Math.max(wait, code === RESTART ? random * RESTART_SPREAD_MS : 0))
  const step = Math.min(FIRST_STEP_MS * 2 ** (attempt - 1), LONGEST_MS)
  return again(Math.max(wait, step / 2 + (random * step) / 2))
}

/** Until when it is worth asking for the old session. A resume that comes too late is answered, and no attack. */
export function resumableUntil(lostAt: number, windowMs: number): number {
  return lostAt + windowMs + WINDOW_SLACK_MS
}
