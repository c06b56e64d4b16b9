import type { Knocker } from '@/protocol/messages'

/** Say who waits: by name as long as it is readable. */
export function describeKnock(waiting: readonly Pick<Knocker, 'displayName'>[]): string {
  const [first, second] = waiting
  if (!first) return ''
  if (!second) return `${first.displayName} would like to come in`
  if (waiting.length === 2) return `${first.displayName} and ${second.displayName} would like to come in`
  return `${first.displayName} and ${waiting.length - 1} others would like to come in`
}
