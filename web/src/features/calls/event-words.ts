/** What happened in a call, one sentence for each event, as `chatter calls` says it (signaling/core/calls/event_words.py). */
import type { CallEvent, CallEventKind } from '@/api/call-record'
import type { NameOf } from './names'

/** The one it is about, the other one of a pair, and what is said beyond the kind. */
type Words = (member: string, other: string, detail: string) => string

const WORDS: Readonly<Record<CallEventKind, Words>> = {
  join: (member) => `${member} came in`,
  leave: (member, _, reason) => `${member} ${pick(LEAVES, reason) ?? 'left'}`,
  lost: (member) => `${member} lost the connection to the server`,
  back: (member) => `${member} was connected to the server again`,
  refused: (_, __, close) => `Someone was kept out: ${pick(REFUSALS, close) ?? spell(close)}`,
  offer: (member, other) => `${member} offered ${other} a connection`,
  answer: (member, other) => `${member} answered ${other}`,
  connected: (member, other) => `${member} was connected to ${other}`,
  disconnected: (member, other) => `${member} heard nothing more from ${other}`,
  failed: (member, other, why) =>
    `${member} found no path to ${other}${why === 'no_answer' ? ', as no answer came' : ''}`,
  timeout: (member, other) => `${member} and ${other} found no path in time`,
  abandoned: (member, other) => `${member} and ${other} stopped looking for a path`,
  ice_restart: (member, other) => `${member} looked for another path to ${other}`,
  rebuild: (member, other) => `${member} set up the connection to ${other} anew`,
  media_error: (member, _, detail) => `${member} had no ${describeDevice(detail)}`,
  media: (member, _, detail) => `${member} had a ${describeDevice(detail)} after all`,
  role: (member, _, role) => `${member} became ${pick(ROLES, role) ?? spell(role)}`,
  unreachable: (_, __, detail) =>
    `Somebody reported that they could not reach the call${detail ? `: ${pick(UNREACHABLE, detail) ?? spell(detail)}` : ''}`,
}

const LEAVES: Readonly<Record<string, string>> = {
  left: 'left',
  lost: 'lost the connection and did not come back in time',
  removed: 'was removed from the call',
  banned: 'was banned from the room',
  ended: 'left, as the call was ended for everyone',
  signed_out: 'was signed out',
  expired: 'was signed out, as the sign-in had expired',
  slow: 'was disconnected: the connection was too slow to keep up',
  protocol: 'was disconnected: the client broke the rules of the protocol',
  server: 'was disconnected, as the server stopped',
}

const REFUSALS: Readonly<Record<string, string>> = {
  unauthenticated: 'they were not signed in',
  forbidden: 'the room is not open to them',
  banned: 'they are banned',
  room_full: 'the room was full',
  room_locked: 'the room was locked',
  room_not_found: 'the room does not admit guests',
  denied: 'nobody let them in',
  password_required: 'they did not give the password',
  wrong_password: 'the password was wrong',
  invitation_invalid: 'their invitation no longer works',
  rate_limited: 'they sent too much',
  slow_consumer: 'their connection was too slow to keep up',
  bad_protocol: 'their client speaks another protocol',
  credentials_expired: 'their sign-in had expired',
  internal_error: 'something went wrong on the server',
  restart: 'the server was restarting',
  state_lost: 'the server had forgotten where they were',
}

const UNREACHABLE: Readonly<Record<string, string>> = {
  socket_blocked: 'the connection for calls could not be opened',
  socket_lost: 'the connection for calls broke and could not be opened again',
  origin_refused: 'their page came from another address than this server’s',
  draining: 'the server was about to stop',
}

const ROLES: Readonly<Record<string, string>> = {
  host: 'the host',
  moderator: 'a moderator',
  member: 'a member like the others',
  guest: 'a guest',
}

const DEVICES: Readonly<Record<string, string>> = {
  audio: 'microphone',
  video: 'camera',
  screen: 'screen to share',
}

const FAULTS: Readonly<Record<string, string>> = {
  permission: 'the browser was not allowed to use it',
  not_found: 'none was found',
  in_use: 'another program used it',
  overconstrained: 'it cannot do what was asked of it',
  other: 'the browser could not open it',
}

/** "microphone: the browser was not allowed to use it", from `audio:permission`. */
function describeDevice(detail: string): string {
  const [media = '', fault = ''] = detail.split(':')
  const device = pick(DEVICES, media) ?? 'device'
  return fault ? `${device}: ${pick(FAULTS, fault) ?? spell(fault)}` : device
}

/** Say what happened. What a newer server knows is named as it names it. */
export function describeEvent({ kind, member, other, detail = '' }: CallEvent, nameOf: NameOf): string {
  const words = pick(WORDS, kind)
  return (
    words?.(nameOf(member), nameOf(other), detail) ?? [spell(kind), spell(detail)].filter(Boolean).join(': ')
  )
}

/** Steps that belong to every call: of use only when one looks closely. */
export function isRoutine({ kind }: CallEvent): boolean {
  return kind === 'offer' || kind === 'answer'
}

function pick<T>(words: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(words, key) ? words[key] : undefined
}

function spell(code: string): string {
  return code.replaceAll('_', ' ')
}
