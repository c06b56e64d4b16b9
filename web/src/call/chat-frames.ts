/** What is said, what was said before, and what of ours did not get through. */
import type { Chat, ChatEntry, ChatHistory, Error } from '@/protocol/messages'
import type { Notice } from './notice'
import { andThen, notice, send } from './step'
import type { CallState, ChatMessage, PendingChat, Step } from './types'

export function onChat(state: CallState, frame: Chat): Step {
  if (state.messages.some(({ id }) => id === frame.id)) return [state, []]
  const message = toMessage(state, frame)
  const heard: CallState = {
    ...state,
    messages: [...state.messages, message],
    pending: message.mine ? settle(state.pending, frame.text) : state.pending,
  }
  if (message.mine || state.chatOpen) return [heard, []]
  return [
    { ...heard, unread: state.unread + 1 },
    [notice({ kind: 'chat', name: frame.displayName, text: frame.text })],
  ]
}

/** Add what was said before we came, or while we were away. */
export function onChatHistory(state: CallState, frame: ChatHistory): Step {
  const known = new Set(state.messages.map(({ id }) => id))
  const missed = frame.messages.filter(({ id }) => !known.has(id)).map((entry) => toMessage(state, entry))
  const mine = missed.filter((message) => message.mine)
  const returned = state.selfIds.length > 1
  return [
    {
      ...state,
      // The clock of the server orders them; sorting is stable.
      messages: [...state.messages, ...missed].sort((one, other) => one.ts - other.ts),
      // What the old session swallowed may have got through after all.
      pending: mine.reduce((pending, { text }) => settle(pending, text, true), state.pending),
      unread: returned && !state.chatOpen ? state.unread + missed.length - mine.length : state.unread,
    },
    [],
  ]
}

/**
 * Sort out what was on its way when the session was lost.
 *
 * What was written without a connection is sent now. Of the rest nobody knows whether it arrived: it is shown as not
 * sent, unless the history of the call has it.
 */
export function reconcilePending(state: CallState): Step {
  const unsent = state.pending.filter(({ queued, failed }) => queued && !failed)
  const doubtful = state.pending.filter((chat) => !unsent.includes(chat))
  const start: Step = [{ ...state, pending: doubtful.map((chat) => ({ ...chat, failed: true })) }, []]
  return unsent.reduce<Step>(
    (step, { text }) =>
      andThen(step, (next) =>
        send(
          {
            ...next,
            pending: [...next.pending, { frameId: next.nextFrameId, text, failed: false, queued: false }],
          },
          { type: 'chat', text },
        ),
      ),
    start,
  )
}

const NOTICES: Readonly<Record<string, Notice>> = {
  rate_limited: { kind: 'rateLimited' },
  bad_name: { kind: 'badName' },
  forbidden: { kind: 'forbidden' },
  room_full: { kind: 'roomFull' },
  unavailable: { kind: 'unavailable' },
}

export function onError(state: CallState, frame: Error): Step {
  const next: CallState = {
    ...state,
    pending: state.pending.map((chat) => (chat.frameId === frame.ref ? { ...chat, failed: true } : chat)),
  }
  const said = NOTICES[frame.code]
  return [next, said ? [notice(said)] : []]
}

/** Take the first message of this text off the list of those on their way. */
function settle(pending: readonly PendingChat[], text: string, failed = false): readonly PendingChat[] {
  const place = pending.findIndex((chat) => chat.failed === failed && chat.text === text)
  return place < 0 ? pending : pending.toSpliced(place, 1)
}

function toMessage(state: CallState, entry: ChatEntry): ChatMessage {
  const { id, from, displayName, text, ts } = entry
  return { id, from, mine: state.selfIds.includes(from), displayName, text, ts }
}
