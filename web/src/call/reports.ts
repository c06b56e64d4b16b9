/** What the server is told of our media, so that the call can be explained. One that names no call is told nothing. */
import type { ClientMessage, PeerStats } from '@/protocol/messages'
import type { PathReport } from './path-report'
import { andThen, send } from './step'
import { MEDIA, type Troubles } from './troubles'
import type { CallState, Step } from './types'

const MOST_PEERS = 49

export function reportPath(state: CallState, clientId: string, report: PathReport): Step {
  return mayReport(state) ? send(state, { type: 'path', clientId, ...report }) : [state, []]
}

/** Without an `id`: one that cannot go out now is of no use later. */
export function reportDigest(state: CallState, peers: readonly PeerStats[]): Step {
  if (!mayDigest(state) || peers.length === 0) return [state, []]
  const frame: ClientMessage = { type: 'stats', peers: peers.slice(0, MOST_PEERS) }
  return [state, [{ type: 'send', frame }]]
}

/** Whether a digest that is made now would go out. */
export function mayDigest(state: CallState): boolean {
  return mayReport(state) && !state.reconnecting && state.members.length > 0
}

/** Take in what is wrong now, and tell what was not wrong before. */
export function onTroubles(state: CallState, troubles: Troubles): Step {
  const before = state.troubles
  if (MEDIA.every((media) => troubles[media] === before[media])) return [state, []]
  return reportTroubles({ ...state, troubles }, before)
}

/** Tell what is wrong and not yet `told`: all of it to a new session. */
export function reportTroubles(state: CallState, told: Troubles = {}): Step {
  let step: Step = [state, []]
  for (const media of MEDIA) {
    const reason = state.troubles[media]
    if (reason && reason !== told[media] && mayReport(state))
      step = andThen(step, (next) => send(next, { type: 'trouble', media, reason }))
  }
  return step
}

function mayReport({ phase, callId }: CallState): boolean {
  return phase === 'in' && callId !== null
}
