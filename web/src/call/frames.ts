/** What each frame of the server does to a call. */
import type {
  Chat,
  Error,
  Participant,
  Participants,
  Presence,
  ServerMessage,
  Welcome,
} from '@/protocol/messages'
import { andThen, send } from './step'
import type { CallEffect, CallState, Media, Member, Signal, Step } from './types'

const NO_MEDIA: Media = { audio: false, video: false, screen: false }

export function reduceFrame(state: CallState, frame: ServerMessage, now: number): Step {
  switch (frame.type) {
    case 'welcome':
      return onWelcome(state, frame, now)
    case 'participants':
      return onParticipants(state, frame)
    case 'presence':
      return frame.action === 'join' ? onJoin(state, frame) : onLeave(state, frame)
    case 'profile':
      return onProfile(state, frame.clientId, frame.displayName)
    case 'media':
      return [
        updateMember(state, frame.clientId, {
          media: { audio: frame.audio, video: frame.video, screen: frame.screen },
          mediaKnown: true,
        }),
        [],
      ]
    case 'chat':
      return onChat(state, frame)
    case 'webrtc': {
      const signal = toSignal(frame)
      if (!signal || !state.members.some((member) => member.id === frame.from)) return [state, []]
      return [state, [{ type: 'deliver', from: frame.from, signal }]]
    }
    case 'ack':
      return [{ ...state, acked: Math.max(state.acked, frame.id) }, []]
    case 'error':
      return onError(state, frame)
    default:
      // A newer server may say more than this client knows.
      return [state, []]
  }
}

/** A new session: everything that hung on the old one is built anew. A resumed session will not pass here. */
function onWelcome(state: CallState, frame: Welcome, now: number): Step {
  const returned = state.phase === 'in'
  const next: CallState = {
    ...state,
    phase: 'in',
    reconnecting: false,
    attempt: 0,
    selfId: frame.clientId,
    role: frame.role,
    iceServers: frame.iceServers,
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
  if (returned) effects.push({ type: 'notice', notice: { kind: 'reconnected' } })
  return andThen([next, effects], (entered) =>
    andThen(send(entered, { type: 'profile', displayName: entered.displayName }), (named) =>
      send(named, { type: 'media', ...named.media }),
    ),
  )
}

/** The whole list: after `welcome` we, the newcomer, offer to everyone in it. */
function onParticipants(state: CallState, frame: Participants): Step {
  const others = frame.participants.filter(({ id }) => id !== state.selfId)
  const known = new Map(state.members.map((member) => [member.id, member]))
  const effects: CallEffect[] = []
  const members: Member[] = []
  // Those who stay keep their place.
  const listed = new Set(others.map(({ id }) => id))
  for (const member of state.members) {
    const entry = others.find(({ id }) => id === member.id)
    if (entry) members.push(toMember(entry, state.synced ? member : undefined))
    else if (state.synced) effects.push({ type: 'closePeer', clientId: member.id })
  }
  for (const entry of others) if (!known.has(entry.id)) members.push(toMember(entry))
  for (const entry of others) {
    if (state.synced && known.has(entry.id)) continue
    effects.push({ type: 'openPeer', clientId: entry.id, polite: entry.polite, initiate: !state.synced })
  }
  const self = frame.participants.find(({ id }) => id === state.selfId)
  return [
    {
      ...state,
      members: members.filter(({ id }) => listed.has(id)),
      role: self?.role ?? state.role,
      synced: true,
    },
    effects,
  ]
}

function onJoin(state: CallState, frame: Presence): Step {
  if (frame.clientId === state.selfId || state.members.some(({ id }) => id === frame.clientId))
    return [state, []]
  const member: Member = {
    id: frame.clientId,
    displayName: frame.displayName ?? 'Guest',
    role: frame.role ?? 'guest',
    media: NO_MEDIA,
    mediaKnown: false,
    link: 'connecting',
    announced: frame.role !== 'guest',
  }
  return [
    { ...state, members: [...state.members, member] },
    [
      { type: 'openPeer', clientId: frame.clientId, polite: frame.polite ?? false, initiate: false },
      ...(member.announced ? [joined(member.displayName)] : []),
    ],
  ]
}

function onLeave(state: CallState, frame: Presence): Step {
  const place = state.members.findIndex(({ id }) => id === frame.clientId)
  const gone = state.members[place]
  if (!gone) return [state, []]
  // The last one moves into the gap, so that all others keep their place.
  const members = state.members.slice(0, -1)
  const last = state.members[state.members.length - 1]
  if (last && last !== gone) members[place] = last
  return [
    { ...state, members },
    [
      { type: 'closePeer', clientId: gone.id },
      { type: 'notice', notice: { kind: 'left', name: gone.displayName } },
    ],
  ]
}

function onProfile(state: CallState, clientId: string, displayName: string): Step {
  if (clientId === state.selfId) return [{ ...state, displayName }, []]
  const member = state.members.find(({ id }) => id === clientId)
  return [
    updateMember(state, clientId, { displayName, announced: true }),
    member && !member.announced ? [joined(displayName)] : [],
  ]
}

function joined(name: string): CallEffect {
  return { type: 'notice', notice: { kind: 'joined', name } }
}

function onChat(state: CallState, frame: Chat): Step {
  if (state.messages.some(({ id }) => id === frame.id)) return [state, []]
  const mine = frame.from === state.selfId
  const message = {
    id: frame.id,
    from: frame.from,
    mine,
    displayName: frame.displayName,
    text: frame.text,
    ts: frame.ts,
  }
  const waiting = state.pending.findIndex((chat) => !chat.failed && chat.text === frame.text)
  const heard: CallState = {
    ...state,
    messages: [...state.messages, message],
    pending: mine && waiting >= 0 ? state.pending.toSpliced(waiting, 1) : state.pending,
  }
  if (mine || state.chatOpen) return [heard, []]
  return [
    { ...heard, unread: state.unread + 1 },
    [{ type: 'notice', notice: { kind: 'chat', name: frame.displayName, text: frame.text } }],
  ]
}

function onError(state: CallState, frame: Error): Step {
  const next: CallState = {
    ...state,
    pending: state.pending.map((chat) => (chat.frameId === frame.ref ? { ...chat, failed: true } : chat)),
  }
  if (frame.code === 'rate_limited') return [next, [{ type: 'notice', notice: { kind: 'rateLimited' } }]]
  if (frame.code === 'bad_name') return [next, [{ type: 'notice', notice: { kind: 'badName' } }]]
  return [next, []]
}

function updateMember(state: CallState, clientId: string, change: Partial<Member>): CallState {
  return {
    ...state,
    members: state.members.map((member) => (member.id === clientId ? { ...member, ...change } : member)),
  }
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
    media,
    mediaKnown: before?.mediaKnown || media.audio || media.video || media.screen,
    link: before?.link ?? 'connecting',
    announced: true,
  }
}

function toSignal(frame: Extract<ServerMessage, { type: 'webrtc' }>): Signal | null {
  if (frame.action === 'ice') return { action: 'ice', candidate: frame.candidate ?? null }
  return frame.sdp === undefined ? null : { action: frame.action, sdp: frame.sdp }
}
