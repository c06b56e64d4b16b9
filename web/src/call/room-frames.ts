/** Hands, reactions, and what those who run the call decide. */
import type { Hand, Lobby, Muted, Reaction, RoleChanged, RoomChanged } from '@/protocol/messages'
import { andThen, nameOf, notice, send, updateMember } from './step'
import type { CallEffect, CallState, Step } from './types'

export function onHand(state: CallState, { clientId, raised, ts }: Hand): Step {
  const handRaisedAt = raised ? ts : null
  if (clientId === state.selfId) return [{ ...state, handRaisedAt }, []]
  const name = nameOf(state, clientId)
  return [
    updateMember(state, clientId, { handRaisedAt }),
    raised && name !== null ? [notice({ kind: 'handRaised', clientId, name })] : [],
  ]
}

export function onReaction(state: CallState, { clientId, emoji }: Reaction): Step {
  const name = nameOf(state, clientId)
  if (name === null) return [state, []]
  return [state, [notice({ kind: 'reaction', clientId, name, emoji, mine: clientId === state.selfId })]]
}

export function onLobby(state: CallState, { waiting }: Lobby): Step {
  const known = new Set(state.lobby.map(({ id }) => id))
  const came = waiting.filter(({ id }) => !known.has(id))
  return [
    { ...state, lobby: waiting },
    came.map(({ id, displayName }) => notice({ kind: 'knock', clientId: id, name: displayName })),
  ]
}

export function onRoom(state: CallState, { room, by }: RoomChanged): Step {
  const { locked = false, lobby = 'off' } = room
  const name = nameOf(state, by)
  const effects: CallEffect[] = []
  if (locked !== state.room.locked) effects.push(notice({ kind: locked ? 'locked' : 'unlocked', by: name }))
  if (lobby !== state.room.lobby) effects.push(notice({ kind: 'lobby', mode: lobby, by: name }))
  return [{ ...state, room: { locked, lobby } }, effects]
}

export function onRole(state: CallState, { clientId, role, by }: RoleChanged): Step {
  const name = nameOf(state, clientId)
  if (name === null) return [state, []]
  const mine = clientId === state.selfId
  const runs = role === 'host' || role === 'moderator'
  const next = mine
    ? { ...state, role, lobby: runs ? state.lobby : [] }
    : updateMember(state, clientId, { role })
  return [next, [notice({ kind: 'role', name, role, mine, by: nameOf(state, by) })]]
}

/** Someone's device was turned off. The others learn what is on from the `media` frame that follows. */
export function onMuted(state: CallState, { clientId, media, by }: Muted): Step {
  if (clientId !== state.selfId) return [state, []]
  const off: CallState = { ...state, media: { ...state.media, [media]: false } }
  const effects: CallEffect[] = [
    { type: 'turnOff', media },
    notice({ kind: 'mutedBy', media, by: nameOf(state, by) }),
  ]
  // An unmute of ours may have crossed it and be what the others believe.
  return andThen([off, effects], (muted) => send(muted, { type: 'media', ...muted.media }))
}
