/** How a conversation is set: what stands together, where a day begins, how it is copied. */
import type { ChatMessage } from '@/call/types'

/** Messages of one person within this time stand together. */
const TOGETHER_MS = 3 * 60_000

export interface Line {
  readonly message: ChatMessage
  /** Set on the first message of a day. */
  readonly day: string | null
  /** The first one that was not read. */
  readonly isNew: boolean
  /** Goes on from the line before: no name and no time. */
  readonly together: boolean
}

export function setLines(messages: readonly ChatMessage[], firstNew: string | null, now: number): Line[] {
  return messages.map((message, index) => {
    const before = messages[index - 1]
    const begins = !before || dayOf(before.ts) !== dayOf(message.ts)
    const isNew = message.id === firstNew
    const together = !begins && !isNew && before.from === message.from && message.ts - before.ts < TOGETHER_MS
    // A call of one day needs no word for it.
    const shown = begins && (index > 0 || dayOf(message.ts) !== dayOf(now))
    return { message, day: shown ? nameDay(message.ts, now) : null, isNew, together }
  })
}

/** The message at which the last `unread` of others begin. */
export function findFirstNew(messages: readonly ChatMessage[], unread: number): string | null {
  let left = unread
  let found: string | null = null
  for (let index = messages.length - 1; index >= 0 && left > 0; index--) {
    const message = messages[index]
    if (!message || message.mine) continue
    found = message.id
    left--
  }
  return found
}

/** The whole conversation as plain text. */
export function writeOut(messages: readonly ChatMessage[], clock: (ts: number) => string): string {
  return messages.map(({ ts, displayName, text }) => `${clock(ts)} ${displayName}: ${text}`).join('\n')
}

function nameDay(ts: number, now: number): string {
  if (dayOf(ts) === dayOf(now)) return 'Today'
  const yesterday = new Date(now)
  yesterday.setDate(yesterday.getDate() - 1)
  if (dayOf(ts) === dayOf(yesterday.getTime())) return 'Yesterday'
  return new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' }).format(ts)
}

function dayOf(ts: number): string {
  return new Date(ts).toDateString()
}
