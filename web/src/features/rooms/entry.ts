/** What opens a room's door beside an account: the invitation in a link, and the name of this browser as a guest. */
import type { Entry } from '@/call/types'
import { randomId, recall, remember } from '@/lib/storage'

const PARAMETER = 'invite'
/** Longer ones are not of our making, and the server would refuse the whole frame. */
const LONGEST = 128

const memory = new Map<string, string>()

/**
 * Take an invitation out of the address bar, where it would be copied, shown and kept in the history, and keep it for
 * this tab: a reload or a detour over the sign-in page must not lose it. It stands behind the #, which browsers send to
 * nobody.
 *
 * @returns the invitation into this room, brought now or earlier; null when there is none.
 */
export function takeInvitation(roomId: string): string | null {
  const { pathname, search, hash } = window.location
  const brought = new URLSearchParams(hash.slice(1)).get(PARAMETER)
  if (brought === null) return recallInvitation(roomId)
  window.history.replaceState(window.history.state, '', `${pathname}${search}`)
  const token = brought.trim()
  if (token === '' || token.length > LONGEST) return recallInvitation(roomId)
  memory.set(roomId, token)
  withTabStorage((storage) => storage.setItem(storageKey(roomId), token))
  return token
}

export function recallInvitation(roomId: string): string | null {
  return memory.get(roomId) ?? withTabStorage((storage) => storage.getItem(storageKey(roomId))) ?? null
}

export function forgetInvitation(roomId: string): void {
  memory.delete(roomId)
  withTabStorage((storage) => storage.removeItem(storageKey(roomId)))
}

/** The name of this browser for guests: random, and the same in each tab. */
export function guestId(): string {
  const known = recall('guestId')
  if (/^[A-Za-z0-9_-]{16,64}$/.test(known)) return known
  const made = randomId()
  remember('guestId', made)
  return made
}

/** Everything that one brings to a room's door. */
export function createEntry(signedIn: boolean, invitation: string | null, password: string): Entry {
  return {
    ...(signedIn ? {} : { guestId: guestId() }),
    ...(invitation === null ? {} : { invitation }),
    ...(password === '' ? {} : { password }),
  }
}

/** The link that carries an invitation, at the address under which this page was reached, as room links are. */
export function invitationLink(url: string): string {
  const { pathname, hash } = new URL(url)
  return `${window.location.origin}${pathname}${hash}`
}

function storageKey(roomId: string): string {
  return `chatter.invitation.${roomId}`
}

function withTabStorage<T>(work: (storage: Storage) => T): T | undefined {
  try {
    return work(sessionStorage)
  } catch {
    return undefined // Storage is full or forbidden: memory has to do.
  }
}
