/** Frames as the server sends them. */
import { initialCall, reduce } from '@/call/reducer'
import type { CallEffect, CallEvent, CallState } from '@/call/types'
import type { Participant, ServerMessage, Welcome } from '@/protocol/messages'

let seq = 0

type WithoutSeq<T> = T extends ServerMessage ? Omit<T, 'seq'> : never

export function frame(message: WithoutSeq<ServerMessage>): CallEvent {
  return { type: 'frame', frame: { ...message, seq: ++seq } as ServerMessage, now: 1_000 }
}

export function welcome(clientId = 'me', change: Partial<Welcome> = {}): CallEvent {
  return frame({
    type: 'welcome',
    clientId,
    callId: 'c'.repeat(32),
    role: 'guest',
    resumeToken: 'token-1',
    resumeWindowMs: 30_000,
    iceServers: [{ urls: ['stun:stun.example.org'] }],
    iceTtlMs: 0,
    room: { locked: false, lobby: 'off' },
    limits: { frameBytes: 65536, chatCodePoints: 100, displayNameCodePoints: 64, members: 8 },
    ...change,
  })
}

export function participant(id: string, change: Partial<Participant> = {}): Participant {
  return {
    id,
    displayName: id.toUpperCase(),
    role: 'guest',
    media: { audio: true, video: true, screen: false },
    link: 'ok',
    polite: true,
    ...change,
  }
}

export function participants(...list: Participant[]): CallEvent {
  return frame({ type: 'participants', participants: list })
}

/** Run events from a state; the effects of the last one alone. */
export function run(
  state: CallState,
  ...events: CallEvent[]
): { state: CallState; effects: readonly CallEffect[] } {
  let effects: readonly CallEffect[] = []
  for (const event of events) [state, effects] = reduce(state, event)
  return { state, effects }
}

export const join: Extract<CallEvent, { type: 'join' }> = {
  type: 'join',
  displayName: 'Me',
  media: { audio: true, video: false, screen: false },
}

/** In the call with these others. */
export function inCall(...ids: string[]): CallState {
  return run(
    initialCall,
    join,
    welcome(),
    participants(participant('me'), ...ids.map((id) => participant(id))),
  ).state
}
