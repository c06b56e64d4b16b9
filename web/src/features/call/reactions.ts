/** Reactions: which there are, how many at once, and how they are read out. */

export const REACTIONS = [
  { emoji: '👍', name: 'thumbs up' },
  { emoji: '👎', name: 'thumbs down' },
  { emoji: '👏', name: 'applause' },
  { emoji: '❤️', name: 'heart' },
  { emoji: '😂', name: 'laughter' },
  { emoji: '😮', name: 'surprise' },
  { emoji: '🎉', name: 'party' },
  { emoji: '👋', name: 'wave' },
] as const

export type Emoji = (typeof REACTIONS)[number]['emoji']

export interface FloatingReaction {
  readonly id: number
  readonly clientId: string
  readonly emoji: string
  readonly until: number
}

export const SHOWN_MS = 4_000
const MOST_OF_ONE = 5
const MOST_SENT = 8
const SENT_WITHIN_MS = 8_000

/** Add one; someone who sends many keeps the newest. */
export function addReaction(
  shown: readonly FloatingReaction[],
  { clientId, emoji }: { clientId: string; emoji: string },
  now: number,
): readonly FloatingReaction[] {
  const id = (shown[shown.length - 1]?.id ?? 0) + 1
  const fresh = expireReactions(shown, now)
  const own = fresh.filter((reaction) => reaction.clientId === clientId)
  const tooOld = own.length >= MOST_OF_ONE ? own[0] : undefined
  return [...fresh.filter((reaction) => reaction !== tooOld), { id, clientId, emoji, until: now + SHOWN_MS }]
}

export function expireReactions(
  shown: readonly FloatingReaction[],
  now: number,
): readonly FloatingReaction[] {
  return shown.some(({ until }) => until <= now) ? shown.filter(({ until }) => until > now) : shown
}

/** The times of what was sent that still count; null when one more would be too many. */
export function spendReaction(sentAt: readonly number[], now: number): readonly number[] | null {
  const recent = sentAt.filter((at) => now - at < SENT_WITHIN_MS)
  return recent.length < MOST_SENT ? [...recent, now] : null
}

/** One sentence for what came in since the last one: screen readers should not stutter. */
export function describeReactions(heard: readonly { name: string; emoji: string }[]): string {
  const byEmoji = new Map<string, Set<string>>()
  for (const { name, emoji } of heard) byEmoji.set(emoji, (byEmoji.get(emoji) ?? new Set()).add(name))
  return [...byEmoji].map(([emoji, names]) => `${joinNames([...names])}: ${nameOf(emoji)}`).join('. ')
}

function nameOf(emoji: string): string {
  return REACTIONS.find((reaction) => reaction.emoji === emoji)?.name ?? emoji
}

function joinNames(names: readonly string[]): string {
  if (names.length <= 2) return names.join(' and ')
  return `${names[0]} and ${names.length - 1} others`
}
