/** Who comes, goes, is cut off from the server, and what they are called. */
import type { Presence } from '@/protocol/messages'
import { nameOf, notice, updateMember } from './step'
import type { CallEffect, CallState, Media, Member, Step } from './types'

const NO_MEDIA: Media = { audio: false, video: false, screen: false }
/** What the server calls a guest who has not said a name yet. */
const NAMELESS = 'Guest'

export function onPresence(state: CallState, frame: Presence): Step {
  switch (frame.action) {
    case 'join':
      return onJoin(state, frame)
    case 'leave':
      return onLeave(state, frame)
    case 'lost':
      return [updateMember(state, frame.clientId, { signal: 'lost' }), []]
    case 'back':
      // What broke meanwhile could not be repaired without them.
      return [
        updateMember(state, frame.clientId, { signal: 'ok' }),
        [{ type: 'recoverPeers', clientId: frame.clientId, all: false }],
      ]
  }
}

function onJoin(state: CallState, frame: Presence): Step {
  if (frame.clientId === state.selfId || state.members.some(({ id }) => id === frame.clientId))
    return [state, []]
  const displayName = frame.displayName ?? NAMELESS
  const kind = frame.kind ?? 'person'
  const member: Member = {
    id: frame.clientId,
    displayName,
    role: frame.role ?? 'guest',
    kind,
    media: NO_MEDIA,
    mediaKnown: false,
    link: 'connecting',
    signal: 'ok',
    handRaisedAt: null,
    announced: frame.role !== 'guest' || displayName !== NAMELESS,
  }
  const effects: CallEffect[] = [
    {
      type: 'openPeer',
      clientId: frame.clientId,
      polite: frame.polite ?? false,
      // A recorder never offers.
      initiate: kind === 'recorder',
      kind,
    },
  ]
  if (member.announced) effects.push(cameNotice(member))
  return [{ ...state, members: [...state.members, member] }, effects]
}

function onLeave(state: CallState, frame: Presence): Step {
  if (frame.clientId === state.selfId) return [{ ...state, removedBy: nameOf(state, frame.by) }, []]
  const place = state.members.findIndex(({ id }) => id === frame.clientId)
  const gone = state.members[place]
  if (!gone) return [state, []]
  // The last one moves into the gap, so that all others keep their place.
  const members = state.members.slice(0, -1)
  const last = state.members[state.members.length - 1]
  if (last && last !== gone) members[place] = last
  return [{ ...state, members }, [{ type: 'closePeer', clientId: gone.id }, wentNotice(state, gone, frame)]]
}

export function onProfile(state: CallState, clientId: string, displayName: string): Step {
  if (clientId === state.selfId) return [{ ...state, displayName }, []]
  const member = state.members.find(({ id }) => id === clientId)
  return [
    updateMember(state, clientId, { displayName, announced: true }),
    member && !member.announced ? [notice({ kind: 'joined', name: displayName })] : [],
  ]
}

function cameNotice({ kind, displayName }: Member): CallEffect {
  return notice(kind === 'recorder' ? { kind: 'recordingStarted' } : { kind: 'joined', name: displayName })
}

function wentNotice(state: CallState, { kind, displayName: name }: Member, frame: Presence): CallEffect {
  if (kind === 'recorder') return notice({ kind: 'recordingStopped' })
  return frame.reason
    ? notice({ kind: frame.reason, name, by: nameOf(state, frame.by) })
    : notice({ kind: 'left', name })
}
