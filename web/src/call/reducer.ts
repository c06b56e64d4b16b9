/** The call as a pure function: `(state, event) → [state, effects]`. Nothing here touches the network or a device. */
import type { ClientMessage } from '@/protocol/messages'
import { reduceFrame } from './frames'
import { decideReconnect, resumableUntil } from './reconnect'
import { onTroubles, reportDigest, reportPath } from './reports'
import { andThen, send, updateMember } from './step'
import type { CallEffect, CallEvent, CallState, Dial, EndReason, Step } from './types'

const ATTEMPTS_TO_JOIN = 4
const ATTEMPTS_IN_CALL = 25
/** A connection that held so long was a good one: tries are counted anew after it. */
const HELD_MS = 10_000
/** How long the server may take to answer a sign of life. */
const PROBE_MS = 3_000
/** TURN credentials are renewed when so much of their life is over. */
const RENEW_ICE_AFTER = 0.75

export const initialCall: CallState = {
  phase: 'idle',
  reconnecting: false,
  attempt: 0,
  selfId: null,
  callId: null,
  selfIds: [],
  role: 'guest',
  displayName: '',
  entry: {},
  media: { audio: false, video: false, screen: false },
  troubles: {},
  handRaisedAt: null,
  limits: { chatCodePoints: 4096, displayNameCodePoints: 64, members: 8 },
  room: { locked: false, lobby: 'off' },
  lobby: [],
  hostPresent: false,
  session: null,
  lostAt: null,
  refreshDue: false,
  iceServers: [],
  iceExpiry: null,
  iceAsked: false,
  recoverWithFreshServers: false,
  joinedAt: null,
  members: [],
  synced: false,
  messages: [],
  pending: [],
  chatOpen: false,
  unread: 0,
  ended: null,
  removedBy: null,
  nextFrameId: 1,
  acked: 0,
  enteredAt: null,
}

export function reduce(state: CallState, event: CallEvent): Step {
  switch (event.type) {
    case 'join':
      return onJoin(state, event)
    case 'frame':
      return isLive(state) ? reduceFrame(state, event.frame, event.now) : [state, []]
    case 'closed':
      return isLive(state) ? onClosed(state, event) : [state, []]
    case 'refused':
      return isLive(state) ? end(state, event.reason, null) : [state, []]
    case 'retryDue':
      return isLive(state) ? [state, [connect(state)]] : [state, []]
    case 'probe':
      return onProbe(state)
    case 'probeDue':
      return onProbeDue(state, event)
    case 'networkChanged':
      return onNetworkChanged(state, event.now ?? null)
    case 'tick':
      return renewIceServers(state, event.now)
    case 'media':
      return whenIn({ ...state, media: event.media }, { type: 'media', ...event.media })
    case 'rename':
      return whenIn(
        { ...state, displayName: event.displayName },
        { type: 'profile', displayName: event.displayName },
      )
    case 'hand':
      return whenIn(state, { type: 'hand', raised: event.raised })
    case 'react':
      // An old smile is no smile.
      return state.reconnecting ? [state, []] : whenIn(state, { type: 'reaction', emoji: event.emoji })
    case 'command':
      return whenIn(state, event.command)
    case 'chat':
      return sendChat(state, event.text)
    case 'retryChat': {
      const lost = state.pending.find((chat) => chat.frameId === event.frameId && chat.failed)
      if (!lost || state.phase !== 'in') return [state, []]
      return sendChat({ ...state, pending: state.pending.filter((chat) => chat !== lost) }, lost.text)
    }
    case 'chatShown':
      return [{ ...state, chatOpen: event.open, unread: event.open ? 0 : state.unread }, []]
    case 'signal':
      return whenIn(state, { type: 'webrtc', to: event.to, ...event.signal })
    case 'peerLink':
      return [updateMember(state, event.clientId, { link: event.link }), []]
    case 'path':
      return reportPath(state, event.clientId, event.report)
    case 'digest':
      return reportDigest(state, event.peers)
    case 'troubles':
      return onTroubles(state, event.troubles)
    case 'leave':
      return onLeave(state)
  }
}

function onJoin(state: CallState, event: Extract<CallEvent, { type: 'join' }>): Step {
  if (isLive(state)) return [state, []]
  const joining: CallState = {
    ...initialCall,
    phase: 'joining',
    displayName: event.displayName,
    entry: event.entry ?? state.entry,
    media: event.media,
    troubles: state.troubles,
    // A rejoin keeps what was said, and whose it was.
    messages: state.messages,
    selfIds: state.selfIds,
    // Frame ids name pending messages on the screen, so they never start again.
    nextFrameId: state.nextFrameId,
    acked: state.nextFrameId - 1,
  }
  return [joining, [connect(joining)]]
}

function onLeave(state: CallState): Step {
  if (!isLive(state)) return [state, []]
  return state.phase === 'joining' || state.reconnecting
    ? end(state, 'left', null)
    : andThen(send(state, { type: 'leave' }), (left) => end(left, 'left', null))
}

function isLive(state: CallState): boolean {
  return state.phase === 'joining' || state.phase === 'waiting' || state.phase === 'in'
}

/** Send in the call; while there is no connection the frame waits, and a session that is lost takes it along. */
function whenIn(state: CallState, frame: ClientMessage): Step {
  return state.phase === 'in' ? send(state, frame) : [state, []]
}

function sendChat(state: CallState, text: string): Step {
  if (state.phase !== 'in') return [state, []]
  const chat = { frameId: state.nextFrameId, text, failed: false, queued: state.reconnecting }
  return send({ ...state, pending: [...state.pending, chat] }, { type: 'chat', text })
}

function connect(state: CallState): CallEffect {
  const { session, lostAt } = state
  const dial: Dial = {
    hello: { displayName: state.displayName, ...state.entry },
    resume:
      session && lostAt !== null
        ? { token: session.resumeToken, until: resumableUntil(lostAt, session.windowMs) }
        : null,
    refresh: state.refreshDue,
  }
  return { type: 'connect', dial }
}

function onClosed(state: CallState, loss: Extract<CallEvent, { type: 'closed' }>): Step {
  const attempts = state.phase === 'joining' ? ATTEMPTS_TO_JOIN : ATTEMPTS_IN_CALL
  const { enteredAt } = state
  const attempt = enteredAt !== null && loss.now - enteredAt >= HELD_MS ? 0 : state.attempt
  const resumeRefused = enteredAt === null && state.session !== null
  const verdict = decideReconnect({ ...loss, attempt, attempts, resumeRefused })
  if (!verdict.retry) {
    const unreachable = verdict.reason === 'lost' && state.phase === 'joining'
    return end(state, unreachable ? 'unreachable' : verdict.reason, loss.code)
  }
  const lost: CallState = {
    ...state,
    reconnecting: state.phase !== 'joining',
    attempt: attempt + 1,
    enteredAt: null,
    lostAt: state.lostAt ?? loss.now,
    session: verdict.rejoin ? null : state.session,
    refreshDue: state.refreshDue || verdict.refresh,
  }
  return [lost, [{ type: 'retryIn', delayMs: verdict.delayMs }]]
}

/** The old socket may hang for long without anyone telling: ask the server for a sign of life. */
function onProbe(state: CallState): Step {
  if (!isLive(state)) return [state, []]
  if (state.reconnecting || state.phase === 'joining') {
    // Only a retry that waits can be brought forward; `connect` while connecting is a no-op.
    return [{ ...state, attempt: Math.min(state.attempt, 1) }, [{ type: 'cancelRetry' }, connect(state)]]
  }
  // In the lobby nothing is acknowledged.
  if (state.phase === 'waiting') return [state, []]
  const frameId = state.nextFrameId
  return [{ ...state, nextFrameId: frameId + 1 }, [{ type: 'probe', frameId, delayMs: PROBE_MS }]]
}

function onProbeDue(state: CallState, event: Extract<CallEvent, { type: 'probeDue' }>): Step {
  if (state.phase !== 'in' || state.reconnecting || state.acked >= event.frameId) return [state, []]
  const [lost, effects] = onClosed(state, {
    type: 'closed',
    code: 1006,
    random: event.random,
    now: event.now,
  })
  return [lost, [{ type: 'disconnect', final: false }, ...effects]]
}

function onNetworkChanged(state: CallState, now: number | null): Step {
  return andThen(onProbe(state), (probing) => {
    if (probing.phase !== 'in') return [probing, []]
    const expired = now !== null && probing.iceExpiry !== null && now >= probing.iceExpiry.at
    if (!expired) return [probing, [{ type: 'recoverPeers', clientId: null, all: true }]]
    return askForIceServers({ ...probing, recoverWithFreshServers: true })
  })
}

function renewIceServers(state: CallState, now: number): Step {
  const { iceExpiry } = state
  if (state.phase !== 'in' || iceExpiry === null) return [state, []]
  return now >= iceExpiry.at - iceExpiry.ttlMs * (1 - RENEW_ICE_AFTER) ? askForIceServers(state) : [state, []]
}

/** Once at a time; the frame waits with all others while there is no connection. */
function askForIceServers(state: CallState): Step {
  return state.iceAsked ? [state, []] : send({ ...state, iceAsked: true }, { type: 'ice_servers' })
}

function end(state: CallState, reason: EndReason, code: number | null): Step {
  const by = reason === 'kicked' || reason === 'banned' || reason === 'ended' ? state.removedBy : null
  return [
    {
      ...state,
      phase: 'ended',
      reconnecting: false,
      members: [],
      lobby: [],
      synced: false,
      selfId: null,
      session: null,
      handRaisedAt: null,
      pending: state.pending.map((chat) => ({ ...chat, failed: true })),
      ended: { reason, code, ...(by === null ? {} : { by }) },
    },
    [{ type: 'cancelRetry' }, { type: 'closePeers' }, { type: 'disconnect', final: true }],
  ]
}
