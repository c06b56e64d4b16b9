/** What one reads after a call, or instead of it: what happened and what one can do. */
import type { Ended, EndReason } from '@/call/types'

/** What leads on: come back, try again, sign in first, load the page anew, go without the invitation, or nothing. */
export type Way = 'rejoin' | 'retry' | 'signIn' | 'reload' | 'withoutInvitation' | 'none'

export interface EndedWords {
  readonly title: string
  readonly text: string
  readonly way: Way
  /** What the button says, where the way alone does not tell. */
  readonly label?: string
}

const SIGNED_OUT: EndedWords = {
  title: 'You were signed out',
  text: 'Sign in again to come back to the call.',
  way: 'signIn',
}

const WORDS: Readonly<Record<EndReason, EndedWords>> = {
  left: { title: 'You left the call', text: 'Camera and microphone are off.', way: 'rejoin' },
  kicked: {
    title: 'You were removed from the call',
    text: 'Someone who runs this call took you out of it. If that was a mistake, you can join again.',
    way: 'rejoin',
    label: 'Join again',
  },
  banned: {
    title: 'You may not enter this room',
    text: 'Someone who runs it has closed it to you. If you think that is a mistake, ask them in another way.',
    way: 'none',
  },
  room_full: {
    title: 'The room is full',
    text: 'As many people are inside as it admits. Try again when someone has left.',
    way: 'retry',
  },
  room_not_found: {
    title: 'There is no such room',
    text: 'It was deleted, or it only admits people who are signed in.',
    way: 'signIn',
  },
  room_closed: { title: 'The call has ended', text: 'The room was closed.', way: 'none' },
  forbidden: {
    title: 'This room is not open to you',
    text: 'Ask the person who sent you the link.',
    way: 'signIn',
  },
  signed_out: SIGNED_OUT,
  unauthenticated: SIGNED_OUT,
  bad_protocol: {
    title: 'This page is out of date',
    text: 'Chatter was updated meanwhile. Reload the page and join again.',
    way: 'reload',
  },
  replaced: {
    title: 'The call goes on elsewhere',
    text: 'It was opened in another tab or on another device.',
    way: 'rejoin',
    label: 'Bring it back here',
  },
  ended: {
    title: 'The call has ended',
    text: 'It was ended for everyone. Camera and microphone are off.',
    way: 'none',
  },
  denied: {
    title: 'You were not let in',
    text: 'Someone who runs this call turned you away. If that was a mistake, ask them, then knock again.',
    way: 'retry',
    label: 'Knock again',
  },
  room_locked: {
    title: 'The room is locked',
    text: 'The people inside let nobody new in for now. Ask one of them to unlock it, then try again.',
    way: 'retry',
  },
  password_required: {
    title: 'This room has a password',
    text: 'Ask the person who sent you the link for it.',
    way: 'retry',
  },
  wrong_password: {
    title: 'That was not the room’s password',
    text: 'Check it and try again, or ask the person who sent you the link.',
    way: 'retry',
  },
  invitation_invalid: {
    title: 'This invitation no longer works',
    text: 'It has expired, was used up or was taken back. Ask the person who sent it for a new one.',
    way: 'withoutInvitation',
    label: 'Try without it',
  },
  unreachable: {
    title: 'We can’t reach the call',
    text: 'The server does not answer. Check your connection and try again.',
    way: 'retry',
  },
  lost: {
    title: 'The connection was lost',
    text: 'We tried for a while without success. Check your connection and come back.',
    way: 'rejoin',
  },
}

const LEFT_THE_LOBBY: EndedWords = {
  title: 'You stopped waiting',
  text: 'Camera and microphone are off. To be let in, knock again.',
  way: 'rejoin',
  label: 'Knock again',
}

const BY: Partial<Readonly<Record<EndReason, (name: string) => string>>> = {
  kicked: (name) => `${name} took you out of it. If that was a mistake, you can join again.`,
  banned: (name) => `${name} has closed it to you. If you think that is a mistake, ask them in another way.`,
  ended: (name) => `${name} ended it for everyone. Camera and microphone are off.`,
}

const TOO_MANY_TRIES: EndedWords = {
  title: 'Too many tries',
  text: 'The server asks for a pause. Wait a minute, then try again.',
  way: 'retry',
}
const RATE_LIMITED = 4003

/** Find the words for an end. `wasIn`: whether one had come further than the door. */
export function describeEnd({ reason, code, by }: Ended, wasIn: boolean): EndedWords {
  if (reason === 'left' && !wasIn) return LEFT_THE_LOBBY
  if (reason === 'unreachable' && code === RATE_LIMITED) return TOO_MANY_TRIES
  const words = WORDS[reason]
  return by === undefined ? words : { ...words, text: BY[reason]?.(by) ?? words.text }
}

/** The small print for support. */
export function endReference({ reason, code }: Ended): string | undefined {
  return code === null ? undefined : `${reason} · ${code}`
}

/** Whether the way in is to type a password and dial again, rather than another page. */
export function asksForPassword(ended: Ended | null): boolean {
  return ended?.reason === 'password_required' || ended?.reason === 'wrong_password'
}
