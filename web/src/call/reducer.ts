/** The call as a pure function: `(state, event) → [state, effects]`. Nothing here touches the network or a device. */
import { reduceFrame } from './frames'
import { decideReconnect } from './reconnect'
import { andThen, send } from './step'
import type { CallEffect, CallEvent, CallState, EndReason, Step } from './types'

const ATTEMPTS_TO_JOIN = 4
const ATTEMPTS_IN_CALL = 25
const PROBE_MS = 4_000

export const initialCall: CallState = {
  phase: 'idle',
  reconnecting: false,
  attempt: 0,
  selfId: null,
  role: 'guest',
  displayName: '',
  media: { audio: false, video: false, screen: false },
  limits: { chatCodePoints: 4096, displayNameCodePoints: 64, members: 8 },
  iceServers: [],
  joinedAt: null,
  members: [],
  synced: false,
  messages: [],
  pending: [],
  chatOpen: false,
  unread: 0,
  ended: null,
  nextFrameId: 1,
  acked: 0,
}

const REASONS: Readonly<Record<number, EndReason>> = {
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
}

export function reduce(state: CallState, event: CallEvent): Step {
  switch (event.type) {
    case 'join':
      if (state.phase === 'joining' || state.phase === 'in') return [state, []]
      return [
        {
          ...initialCall,
          phase: 'joining',
          displayName: event.displayName,
          media: event.media,
          // A rejoin keeps what was said.
          messages: state.messages,
        },
        [{ type: 'connect' }],
      ]
    case 'frame':
      return isLive(state) ? reduceFrame(state, event.frame, event.now) : [state, []]
    case 'closed':
      return isLive(state) ? onClosed(state, event.code, event.random) : [state, []]
    case 'refused':
      return isLive(state) ? end(state, event.reason, null) : [state, []]
    case 'retryDue':
      return isLive(state) ? [state, [{ type: 'connect' }]] : [state, []]
    case 'networkChanged':
      return onNetworkChanged(state)
    case 'probeDue':
      if (state.phase !== 'in' || state.reconnecting || state.acked >= event.frameId) return [state, []]
      return prepend({ type: 'disconnect' }, onClosed(state, 1006, event.random))
    case 'media': {
      const next = { ...state, media: event.media }
      return isConnected(state) ? send(next, { type: 'media', ...event.media }) : [next, []]
    }
    case 'rename': {
      const next = { ...state, displayName: event.displayName }
      return isConnected(state) ? send(next, { type: 'profile', displayName: event.displayName }) : [next, []]
    }
    case 'chat':
      return sendChat(state, event.text)
    case 'retryChat': {
      const lost = state.pending.find((chat) => chat.frameId === event.frameId && chat.failed)
      if (!lost || !isConnected(state)) return [state, []]
      return sendChat({ ...state, pending: state.pending.filter((chat) => chat !== lost) }, lost.text)
    }
    case 'chatShown':
      return [{ ...state, chatOpen: event.open, unread: event.open ? 0 : state.unread }, []]
    case 'signal':
      if (!isConnected(state)) return [state, []]
      return send(state, { type: 'webrtc', to: event.to, ...event.signal })
    case 'peerLink':
      return [
        {
          ...state,
          members: state.members.map((member) =>
            member.id === event.clientId && member.link !== event.link
              ? { ...member, link: event.link }
              : member,
          ),
        },
        [],
      ]
    case 'leave':
      if (!isLive(state)) return [state, []]
      return isConnected(state)
        ? andThen(send(state, { type: 'leave' }), (left) => end(left, 'left', null))
        : end(state, 'left', null)
  }
}

function prepend(effect: CallEffect, [state, effects]: Step): Step {
  return [state, [effect, ...effects]]
}

function isLive(state: CallState): boolean {
  return state.phase === 'joining' || state.phase === 'in'
}

function isConnected(state: CallState): boolean {
  return state.phase === 'in' && !state.reconnecting
}

function sendChat(state: CallState, text: string): Step {
  if (!isConnected(state)) return [state, []]
  const frameId = state.nextFrameId
  return send(
    { ...state, pending: [...state.pending, { frameId, text, failed: false }] },
    { type: 'chat', text },
  )
}

function onClosed(state: CallState, code: number, random: number): Step {
  const attempts = state.phase === 'joining' ? ATTEMPTS_TO_JOIN : ATTEMPTS_IN_CALL
  const verdict = decideReconnect(code, state.attempt, random, attempts)
  if (!verdict.retry) return end(state, REASONS[code] ?? reasonToGiveUp(state, code), code)
  return [
    {
      ...state,
      reconnecting: state.phase === 'in',
      attempt: state.attempt + 1,
      pending: state.pending.map((chat) => ({ ...chat, failed: true })),
    },
    [{ type: 'retryIn', delayMs: verdict.delayMs }],
  ]
}

function reasonToGiveUp(state: CallState, code: number): EndReason {
  if (code === 1000) return 'room_closed'
  return state.phase === 'joining' ? 'unreachable' : 'lost'
}

/** On a new network the old socket may hang for long: ask for a sign of life at once. */
function onNetworkChanged(state: CallState): Step {
  if (!isLive(state)) return [state, []]
  if (state.reconnecting || state.phase === 'joining') {
    // Only a retry that waits can be brought forward; `connect` while connecting is a no-op.
    return [{ ...state, attempt: Math.min(state.attempt, 1) }, [{ type: 'cancelRetry' }, { type: 'connect' }]]
  }
  const frameId = state.nextFrameId
  return andThen(send(state, { type: 'media', ...state.media }), (sent) => [
    sent,
    [{ type: 'probe', frameId, delayMs: PROBE_MS }],
  ])
}

function end(state: CallState, reason: EndReason, code: number | null): Step {
  return [
    {
      ...state,
      phase: 'ended',
      reconnecting: false,
      members: [],
      synced: false,
      selfId: null,
      ended: { reason, code },
    },
    [{ type: 'cancelRetry' }, { type: 'closePeers' }, { type: 'disconnect' }],
  ]
}
