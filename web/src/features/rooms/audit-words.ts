/** The audit log in plain words. */
import type { AuditEntry } from '@/api/types'

type Words = (entry: Pick<AuditEntry, 'target' | 'detail'>) => string

const someone = (target: AuditEntry['target']) => target?.name || 'someone'

const MUTED: Readonly<Record<string, string>> = {
  audio: 'microphone',
  video: 'camera',
  screen: 'shared screen',
}

const LOBBY: Readonly<Record<string, string>> = {
  off: 'let everyone come straight in',
  guests: 'made guests wait at the door',
  everyone: 'made everyone wait at the door',
}

const WORDS: Readonly<Record<string, Words>> = {
  lock: () => 'locked the room',
  unlock: () => 'unlocked the room',
  admit: ({ target }) => `let ${someone(target)} in`,
  deny: ({ target }) => `turned ${someone(target)} away`,
  mute: ({ target, detail }) => `turned off the ${MUTED[detail] ?? 'microphone'} of ${someone(target)}`,
  remove: ({ target }) => `removed ${someone(target)} from the call`,
  ban: ({ target }) => `banned ${someone(target)}`,
  unban: ({ target }) => `lifted the ban of ${someone(target)}`,
  role: ({ target, detail }) => describeRole(someone(target), detail),
  end: () => 'ended the call for everyone',
  password_set: () => 'set a new password',
  password_cleared: () => 'removed the password',
  lobby: ({ detail }) => LOBBY[detail] ?? 'changed who must knock',
  invitation_created: () => 'made an invitation',
  invitation_revoked: () => 'revoked an invitation',
}

function describeRole(target: string, role: string): string {
  if (role === 'host') return `made ${target} the host`
  if (role === 'moderator') return `made ${target} a moderator`
  return `took the moderation from ${target}`
}

/** Say what was done, without who did it. A deed that a newer server knows is named as it names it. */
export function describeDeed(entry: Pick<AuditEntry, 'action' | 'target' | 'detail'>): string {
  const words = Object.hasOwn(WORDS, entry.action) ? WORDS[entry.action] : undefined
  return words?.(entry) ?? [entry.action.replaceAll('_', ' '), entry.target?.name].filter(Boolean).join(': ')
}
