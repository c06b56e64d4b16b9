/** When to come back after a lost connection: a pure policy. */

export type Verdict = { readonly retry: true; readonly delayMs: number } | { readonly retry: false }

const STAY_AWAY: Verdict = { retry: false }
const FIRST_STEP_MS = 500
const LONGEST_MS = 10_000
/** A restart ends every call at once: spread their return, so that the new process is not run over. */
const RESTART_SPREAD_MS = 1_500
/** Closed by the protocol layer for what we sent; sending it again would end the same way. */
const OUR_FAULT = new Set([1002, 1003, 1007, 1008, 1010])

/**
 * Decide what to do after a close.
 *
 * @param code WebSocket close code (RFC 6455 §7.4); 1006 when there was none.
 * @param attempt how many tries in a row have failed before this one, from 0.
 * @param random in [0, 1).
 * @param attempts how many tries to make before giving up.
 */
export function decideReconnect(code: number, attempt: number, random: number, attempts: number): Verdict {
  if (code === 1000 || code >= 4500 || OUR_FAULT.has(code)) return STAY_AWAY
  if (attempt >= attempts) return STAY_AWAY
  if (attempt === 0)
    return { retry: true, delayMs: code === 1012 ? Math.round(random * RESTART_SPREAD_MS) : 0 }
  const step = Math.min(FIRST_STEP_MS * 2 ** (attempt - 1), LONGEST_MS)
  return { retry: true, delayMs: Math.round(step / 2 + (random * step) / 2) }
}
