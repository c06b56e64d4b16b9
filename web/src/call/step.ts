/** Small tools to put the steps of a call together. */
import type { ClientMessage } from '@/protocol/messages'
import type { CallState, Step } from './types'

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
