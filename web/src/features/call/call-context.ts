import { createContext, useContext, useSyncExternalStore } from 'react'
import type { Room } from '@/api/types'
import type { Call } from '@/call/controller'
import type { Loudness } from '@/call/loudness'
import type { LocalMedia } from '@/call/media'
import type { CallState } from '@/call/types'
import type { Store } from '@/lib/store'

export interface CallServices {
  readonly call: Call
  readonly media: LocalMedia
  readonly loudness: Loudness
  readonly room: Room
  /** What is being typed: it outlives a closed panel and a lost connection. */
  readonly draft: Store<string>
}

export const CallContext = createContext<CallServices | null>(null)

export function useCallServices(): CallServices {
  const services = useContext(CallContext)
  if (!services) throw new Error('CallContext is missing')
  return services
}

export function useCallState(call: Call): CallState {
  return useSyncExternalStore(call.subscribe, call.state)
}

export function useStreams(call: Call): ReadonlyMap<string, MediaStream> {
  return useSyncExternalStore(call.subscribe, call.streams)
}

export function useScreens(call: Call): ReadonlyMap<string, MediaStream> {
  return useSyncExternalStore(call.subscribe, call.screens)
}

export function useSpeaking(loudness: Loudness, clientId: string): boolean {
  return useSyncExternalStore(loudness.speaking.subscribe, () => loudness.speaking.get().has(clientId))
}

export function useSpeaker(loudness: Loudness): string | null {
  return useSyncExternalStore(loudness.speaker.subscribe, loudness.speaker.get)
}
