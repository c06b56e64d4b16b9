/** What each frame of the server does to a call. */
import type { IceServers, Participant, Participants, ServerMessage, Welcome } from '@/protocol/messages'
import { onChat, onChatHistory, onError, reconcilePending } from './chat-frames'
import { onHand, onLobby, onMuted, onReaction, onRole, onRoom } from './room-frames'
import { onPresence, onProfile } from './presence-frames'
import { reportTroubles } from './reports'
import { andThen, notice, send, updateMember } from './step'
import type { CallEffect, CallState, Media, Member, Signal, Step } from './types'

export function reduceFrame(state: CallState, frame: ServerMessage, now: number): Step {
  switch (frame.type) {
    case 'waiting':
      return onWaiting(state, frame.hostPresent, now)
    case 'welcome':
      return onWelcome(state, frame, now)
    case 'resumed':
      return onResumed(state, now)
    case 'participants':
      return onParticipants(state, frame)
    case 'presence':
      return onPresence(state, frame)
    case 'profile':
      return onProfile(state, frame.clientId, frame.displayName)
    case 'media':
      return onMedia(state, frame.clientId, frame)
    case 'hand':
      return onHand(state, frame)
    case 'reaction':
      return onReaction(state, frame)
    case 'chat':
      return onChat(state, frame)
    case 'chat_history':
      return onChatHistory(state, frame)
    case 'webrtc':
      return onWebRtc(state, frame)
    case 'ice_servers':
      return onIceServers(state, frame, now)
    case 'lobby':
      return onLobby(state, frame)
    case 'room':
      return onRoom(state, frame)
    case 'role':
      return onRole(state, frame)
    case 'muted':
      return onMuted(state, frame)
    case 'ack':
      return [{ ...state, acked: Math.max(state.acked, frame.id) }, []]
    case 'error':
      return onError(state, frame)
    default:
      // A newer server may say more than this client knows.
      return [state, []]
  }
}

/** Tries that led in slow the next one down should it break at once, but they never make us give up. */
const MOST_COUNTED = 4

/** What holds of a connection that just let us in. No answer is due on it yet: a probe of the one before is moot. */
function entered({ attempt, nextFrameId }: CallState, now: number) {
  return {
    reconnecting: false,
    attempt: Math.min(attempt, MOST_COUNTED),
    enteredAt: now,
    lostAt: null,
    refreshDue: false,
    acked: nextFrameId - 1,
  } as const
}

/** To wait is to be outside, also for someone who was in before the session was lost. */
function onWaiting(state: CallState, hostPresent: boolean, now: number): Step {
  const waiting: CallState = {
    ...state,
    ...entered(state, now),
    phase: 'waiting',
    hostPresent,
    members: [],
    synced: false,
  }
  if (state.phase !== 'in') return [waiting, []]
  // Nobody sees it any more, and whoever is let in again does not expect to be seen.
  return [waiting, [{ type: 'closePeers' }, { type: 'turnOff', media: 'screen' }]]
}

/** A new session: everything that hung on the old one is built anew. A resumed session does not pass here. */
function onWelcome(state: CallState, frame: Welcome, now: number): Step {
  const returned = state.selfId !== null
  const next: CallState = {
    ...state,
    ...entered(state, now),
    phase: 'in',
    selfId: frame.clientId,
    // A server of the version before names none.
    callId: frame.callId || null,
    selfIds: [...state.selfIds, frame.clientId],
    role: frame.role,
    room: toRoom(frame.room),
    lobby: [],
    session: frame.resumeToken ? { resumeToken: frame.resumeToken, windowMs: frame.resumeWindowMs } : null,
    ...withServers(frame.iceServers, frame.iceTtlMs, now),
    limits: {
      chatCodePoints: frame.limits.chatCodePoints ?? state.limits.chatCodePoints,
      displayNameCodePoints: frame.limits.displayNameCodePoints ?? state.limits.displayNameCodePoints,
      members: frame.limits.members ?? state.limits.members,
    },
    joinedAt: state.joinedAt ?? now,
    synced: false,
  }
  const effects: CallEffect[] = [
    { type: 'closePeers' },
    { type: 'configurePeers', iceServers: frame.iceServers },
  ]
  if (returned) effects.push(notice({ kind: 'reconnected' }))
  return andThen(andThen([next, effects], introduce), (said) =>
    returned ? andThen(raiseAgain(said), reconcilePending) : [said, []],
  )
}

/** The new session knows nothing of our devices. */
function introduce(state: CallState): Step {
  return andThen(send(state, { type: 'media', ...state.media }), (said) => reportTroubles(said))
}

/** The new session knows nothing of a hand that was up in the old one. */
function raiseAgain(state: CallState): Step {
  return state.handRaisedAt === null ? [state, []] : send(state, { type: 'hand', raised: true })
}

/** The session goes on: nothing was lost, so nothing changes. Paths that broke meanwhile can be repaired again. */
function onResumed(state: CallState, now: number): Step {
  const pending = state.pending.map((chat) => ({ ...chat, queued: false }))
  return [
    { ...state, ...entered(state, now), pending },
    [{ type: 'recoverPeers', clientId: null, all: false }],
  ]
}

/** The whole list: after `welcome` we, the newcomer, offer to everyone in it. */
function onParticipants(state: CallState, frame: Participants): Step {
  const others = frame.participants.filter(({ id }) => id !== state.selfId)
  const known = new Map(state.members.map((member) => [member.id, member]))
  const effects: CallEffect[] = []
  const members: Member[] = []
  // Those who stay keep their place.
  for (const member of state.members) {
    const entry = others.find(({ id }) => id === member.id)
    if (entry) members.push(toMember(entry, state.synced ? member : undefined))
    else if (state.synced) effects.push({ type: 'closePeer', clientId: member.id })
  }
  for (const entry of others) if (!known.has(entry.id)) members.push(toMember(entry))
  for (const { id, polite, kind = 'person' } of others) {
    if (state.synced && known.has(id)) continue
    const initiate = !state.synced || kind === 'recorder'
    effects.push({ type: 'openPeer', clientId: id, polite, initiate, kind })
  }
  const self = frame.participants.find(({ id }) => id === state.selfId)
  return [{ ...state, members, role: self?.role ?? state.role, synced: true }, effects]
}

function onMedia(state: CallState, clientId: string, { audio, video, screen }: Media): Step {
  const media: Media = { audio, video, screen }
  return [updateMember(state, clientId, { media, mediaKnown: true }), []]
}

function onWebRtc(state: CallState, frame: Extract<ServerMessage, { type: 'webrtc' }>): Step {
  const signal = toSignal(frame)
  if (!signal || !state.members.some((member) => member.id === frame.from)) return [state, []]
  return [state, [{ type: 'deliver', from: frame.from, signal }]]
}

function onIceServers(state: CallState, { iceServers, ttlMs }: IceServers, now: number): Step {
  const effects: CallEffect[] = [{ type: 'configurePeers', iceServers }]
  if (state.recoverWithFreshServers) effects.push({ type: 'recoverPeers', clientId: null, all: true })
  return [{ ...state, ...withServers(iceServers, ttlMs, now) }, effects]
}

function withServers(iceServers: Welcome['iceServers'], ttlMs: number, now: number) {
  return {
    iceServers,
    iceExpiry: ttlMs > 0 ? { at: now + ttlMs, ttlMs } : null,
    iceAsked: false,
    recoverWithFreshServers: false,
  }
}

function toRoom({ locked = false, lobby = 'off' }: Welcome['room']): CallState['room'] {
  return { locked, lobby }
}

function toMember(entry: Participant, before?: Member): Member {
  const media: Media = {
    audio: entry.media.audio ?? false,
    video: entry.media.video ?? false,
    screen: entry.media.screen ?? false,
  }
  return {
    id: entry.id,
    displayName: entry.displayName,
    role: entry.role,
    kind: entry.kind ?? 'person',
    media,
    mediaKnown: before?.mediaKnown || media.audio || media.video || media.screen,
    link: before?.link ?? 'connecting',
    signal: entry.link,
    handRaisedAt: entry.handRaisedAt ?? null,
    announced: true,
  }
}

function toSignal(frame: Extract<ServerMessage, { type: 'webrtc' }>): Signal | null {
  const about = frame.connection === undefined ? {} : { connection: frame.connection }
  if (frame.action === 'ice') return { ...about, action: 'ice', candidate: frame.candidate ?? null }
  return frame.sdp === undefined ? null : { ...about, action: frame.action, sdp: frame.sdp }
}
