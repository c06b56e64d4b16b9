/** Small tools to put the steps of a call together. */
import type { ClientMessage } from '@/protocol/messages'
import type { Notice } from './notice'
import type { CallEffect, CallState, Member, Step } from './types'

/** Number a frame and ask for it to be sent. */
export function send(state: CallState, frame: ClientMessage): Step {
  const id = state.nextFrameId
  return [{ ...state, nextFrameId: id + 1 }, [{ type: 'send', frame: { ...frame, id } }]]
}

/** Go on from the state a step ended in; the effects add up in order. */
export function andThen(step: Step, next: (state: CallState) => Step): Step {
  const [state, effects] = next(step[0])
  return [state, [...step[1], ...effects]]
}

export function notice(what: Notice): CallEffect {
  return { type: 'notice', notice: what }
}

export function updateMember(state: CallState, clientId: string, change: Partial<Member>): CallState {
  return {
    ...state,
    members: state.members.map((member) => (member.id === clientId ? { ...member, ...change } : member)),
  }
}

/** The name people know someone by; null for someone who is not here. */
export function nameOf(state: CallState, clientId: string | undefined): string | null {
  if (clientId === undefined) return null
  if (clientId === state.selfId) return state.displayName
  return state.members.find(({ id }) => id === clientId)?.displayName ?? null
}
