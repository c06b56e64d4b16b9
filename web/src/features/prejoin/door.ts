/** What stands between someone and the call, as far as it is known before asking the server. */
import type { Room } from '@/api/types'
import type { Ended } from '@/call/types'

/** How the server answered so far. */
export interface PasswordAnswer {
  /** The password that was refused last; null when none was. */
  readonly wrong: string | null
  /** How often the server has asked for it: each time, one is led back into the field. */
  readonly refusals: number
}

const UNASKED: PasswordAnswer = { wrong: null, refusals: 0 }

/**
 * Whether to ask for a password: the server did, or it surely will. Owners and the invited know another way in, and
 * among people with an account only the server can tell moderators, who are not asked.
 */
export function passwordToAsk(
  room: Pick<Room, 'passwordRequired' | 'owner'>,
  visitor: { readonly invited: boolean; readonly signedIn: boolean },
  answer: PasswordAnswer | null,
): PasswordAnswer | null {
  if (answer) return answer
  const spared = room.owner || visitor.invited || visitor.signedIn
  return room.passwordRequired && !spared ? UNASKED : null
}

/** Take note of how a try ended; null when it had nothing to do with a password. */
export function passwordAnswer(
  ended: Pick<Ended, 'reason'>,
  tried: string,
  before: PasswordAnswer | null,
): PasswordAnswer | null {
  const refusals = (before?.refusals ?? 0) + 1
  if (ended.reason === 'wrong_password') return { wrong: tried, refusals }
  if (ended.reason === 'password_required') return { wrong: null, refusals }
  return null
}

/** Whether someone waits until they are let in; moderators do not, but that only the server knows. */
export function knocks(room: Pick<Room, 'lobby' | 'owner'>, signedIn: boolean): boolean {
  if (room.owner) return false
  return room.lobby === 'everyone' || (room.lobby === 'guests' && !signedIn)
}
