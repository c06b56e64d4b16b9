/** What the close codes of the server mean to people (docs/protocol.md, “Close codes”). */
import type { EndReason } from './types'

const REASONS: Readonly<Record<number, EndReason>> = {
  1000: 'room_closed',
  4500: 'unauthenticated',
  4501: 'forbidden',
  4502: 'kicked',
  4503: 'banned',
  4504: 'room_full',
  4505: 'room_not_found',
  4506: 'bad_protocol',
  4507: 'replaced',
  4508: 'room_closed',
  4509: 'signed_out',
  4510: 'ended',
  4511: 'denied',
  4512: 'room_locked',
  4513: 'password_required',
  4514: 'wrong_password',
  4515: 'invitation_invalid',
}

/** Name the reason of a close; null for a code that names none. */
export function reasonOf(code: number): EndReason | null {
  return REASONS[code] ?? null
}
