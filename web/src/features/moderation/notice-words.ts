/** What people read when someone changed something in the call. */
import type { Notice } from '@/call/notice'
import type { MediaName, Role } from '@/call/types'

/** The one who reads: under their name, others speak of them. */
export interface Reader {
  readonly displayName: string
  readonly role: Role
}

const MUTED: Readonly<Record<MediaName, readonly [active: string, passive: string]>> = {
  audio: ['muted you', 'You were muted'],
  video: ['turned your camera off', 'Your camera was turned off'],
  screen: ['stopped your screen share', 'Your screen share was stopped'],
}

const LOBBY = {
  off: 'Everyone may come straight in now.',
  guests: 'Guests wait now until someone lets them in.',
  everyone: 'Everyone waits now until someone lets them in.',
} as const

/** Say a notice in plain words; null for what is said elsewhere. */
export function describeNotice(notice: Notice, reader: Reader): string | null {
  switch (notice.kind) {
    case 'mutedBy':
      return `${describeMuting(notice.media, notice.by)}. Only you can turn it on again.`
    case 'removed':
      return deed(notice.by, reader, `removed ${notice.name}`, `${notice.name} was removed`)
    case 'banned':
      return deed(notice.by, reader, `banned ${notice.name} from this room`, `${notice.name} was banned`)
    case 'locked':
      return `${deed(notice.by, reader, 'locked the room', 'The room was locked')}. Nobody new can come in.`
    case 'unlocked':
      return deed(notice.by, reader, 'unlocked the room', 'The room was unlocked')
    case 'lobby':
      return LOBBY[notice.mode]
    case 'role':
      return describeRole(notice, reader)
    case 'forbidden':
      return 'That is not yours to do. The person may run this room, or you no longer do.'
    case 'roomFull':
      return 'The room is full. Let them in when someone has left.'
    case 'unavailable':
      return 'That could not be done just now. Try again in a moment.'
    default:
      return null
  }
}

function describeMuting(media: MediaName, by: string | null): string {
  const [active, passive] = MUTED[media]
  return by === null ? passive : `${by} ${active}`
}

/** "Anna removed Ben", "You removed Ben", or, where nobody knows who it was, "Ben was removed". */
function deed(by: string | null, reader: Reader, active: string, passive: string): string {
  if (by === null) return passive
  return `${isReader(by, reader) ? 'You' : by} ${active}`
}

/** Notices carry names; someone who runs nothing cannot be meant, whatever they are called. */
function isReader(by: string, { displayName, role }: Reader): boolean {
  return by === displayName && (role === 'host' || role === 'moderator')
}

function describeRole(notice: Extract<Notice, { kind: 'role' }>, reader: Reader): string | null {
  const { name, role, mine, by } = notice
  // Handing over says both at once: the new host's line is the news, the former host's follows from it.
  if (by === name && role === 'moderator') return null
  if (mine) return `${describeOwnRole(role, by)}.`
  switch (role) {
    case 'host':
      return by !== null && isReader(by, reader)
        ? `${name} is the host now. You are a moderator.`
        : deed(by, reader, `made ${name} the host`, `${name} is the host now`)
    case 'moderator':
      return deed(by, reader, `made ${name} a moderator`, `${name} is a moderator now`)
    default:
      return `${name} is no longer a moderator`
  }
}

function describeOwnRole(role: Role, by: string | null): string {
  switch (role) {
    case 'host':
      return by === null ? 'You are the host now' : `${by} made you the host`
    case 'moderator':
      return by === null ? 'You are a moderator now' : `${by} made you a moderator`
    default:
      return 'You are no longer a moderator'
  }
}
