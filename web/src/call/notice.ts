/** What the people in a call hear of what happens in it. */
import type { RoomState } from '@/protocol/messages'
import type { MediaName, Role } from './types'

/** Something the people in the call should hear of. `by` is a name; null where nobody is known. */
export type Notice =
  | { readonly kind: 'joined' | 'left'; readonly name: string }
  | { readonly kind: 'chat'; readonly name: string; readonly text: string }
  | { readonly kind: 'rateLimited' | 'badName' | 'reconnected' }
  /** Why a command was refused. */
  | { readonly kind: 'forbidden' | 'roomFull' | 'unavailable' }
  | {
      readonly kind: 'reaction'
      readonly clientId: string
      readonly name: string
      readonly emoji: string
      readonly mine: boolean
    }
  | { readonly kind: 'handRaised'; readonly clientId: string; readonly name: string }
  | { readonly kind: 'knock'; readonly clientId: string; readonly name: string }
  /** Our own device was turned off by `by`. */
  | { readonly kind: 'mutedBy'; readonly media: MediaName; readonly by: string | null }
  | {
      readonly kind: 'role'
      readonly name: string
      readonly role: Role
      readonly mine: boolean
      readonly by: string | null
    }
  | { readonly kind: 'removed' | 'banned'; readonly name: string; readonly by: string | null }
  | { readonly kind: 'locked' | 'unlocked'; readonly by: string | null }
  | { readonly kind: 'lobby'; readonly mode: Required<RoomState>['lobby']; readonly by: string | null }
  | { readonly kind: 'recordingStarted' | 'recordingStopped' }
  | {
      readonly kind: 'device'
      readonly media: 'audio' | 'video'
      readonly what: DeviceNews
      readonly label: string
    }
  | { readonly kind: 'screenEnded' }

/** `replaced`: another device took over by itself. `restored`: it is back after sleep or a loss. */
export type DeviceNews = 'replaced' | 'restored' | 'lost' | 'revoked'
