/** The state of one call, the events that change it and the effects it asks for. */
import type { Candidate, ClientMessage, IceServer, Participant, ServerMessage } from '@/protocol/messages'

export type Role = Participant['role']

/** How well a member's media reaches us. */
export type PeerLink = 'connecting' | 'connected' | 'lost'

export interface Media {
  readonly audio: boolean
  readonly video: boolean
  readonly screen: boolean
}

export interface Member {
  readonly id: string
  readonly displayName: string
  readonly role: Role
  readonly media: Media
  /** Whether the member ever said which of its tracks are on. */
  readonly mediaKnown: boolean
  readonly link: PeerLink
  /** Whether people heard that this member came. A guest is announced once it has said its name. */
  readonly announced: boolean
}

export interface ChatMessage {
  readonly id: string
  readonly from: string
  readonly mine: boolean
  readonly displayName: string
  readonly text: string
  readonly ts: number
}

/** A message of ours that the server has not yet shown to the room. */
export interface PendingChat {
  readonly frameId: number
  readonly text: string
  readonly failed: boolean
}

export interface Limits {
  readonly chatCodePoints: number
  readonly displayNameCodePoints: number
  readonly members: number
}

export type EndReason =
  | 'left'
  | 'kicked'
  | 'banned'
  | 'room_full'
  | 'room_not_found'
  | 'room_closed'
  | 'forbidden'
  | 'signed_out'
  | 'unauthenticated'
  | 'bad_protocol'
  | 'replaced'
  | 'unreachable'
  | 'lost'

export interface CallState {
  readonly phase: 'idle' | 'joining' | 'in' | 'ended'
  /** A property of being in the call, not another screen: tiles and media stay. */
  readonly reconnecting: boolean
  /** How many times in a row the connection could not be had. */
  readonly attempt: number
  readonly selfId: string | null
  readonly role: Role
  readonly displayName: string
  readonly media: Media
  readonly limits: Limits
  readonly iceServers: readonly IceServer[]
  readonly joinedAt: number | null
  /** Others, in the order of their tiles. */
  readonly members: readonly Member[]
  /** Whether the list of members of this session has come. */
  readonly synced: boolean
  readonly messages: readonly ChatMessage[]
  readonly pending: readonly PendingChat[]
  readonly chatOpen: boolean
  readonly unread: number
  readonly ended: { readonly reason: EndReason; readonly code: number | null } | null
  readonly nextFrameId: number
  readonly acked: number
}

/** What negotiation says to one member. */
export type Signal =
  | { readonly action: 'offer' | 'answer'; readonly sdp: string }
  | { readonly action: 'ice'; readonly candidate: Candidate | null }

export type CallEvent =
  | { readonly type: 'join'; readonly displayName: string; readonly media: Media }
  | { readonly type: 'frame'; readonly frame: ServerMessage; readonly now: number }
  | { readonly type: 'closed'; readonly code: number; readonly random: number }
  | { readonly type: 'refused'; readonly reason: EndReason }
  | { readonly type: 'retryDue' }
  | { readonly type: 'networkChanged' }
  | { readonly type: 'probeDue'; readonly frameId: number; readonly random: number }
  | { readonly type: 'media'; readonly media: Media }
  | { readonly type: 'rename'; readonly displayName: string }
  | { readonly type: 'chat'; readonly text: string }
  | { readonly type: 'retryChat'; readonly frameId: number }
  | { readonly type: 'chatShown'; readonly open: boolean }
  | { readonly type: 'signal'; readonly to: string; readonly signal: Signal }
  | { readonly type: 'peerLink'; readonly clientId: string; readonly link: PeerLink }
  | { readonly type: 'leave' }

/** Something the people in the call should hear of. */
export type Notice =
  | { readonly kind: 'joined' | 'left'; readonly name: string }
  | { readonly kind: 'chat'; readonly name: string; readonly text: string }
  | { readonly kind: 'rateLimited' | 'badName' | 'reconnected' }

export type CallEffect =
  | { readonly type: 'connect' }
  | { readonly type: 'disconnect' }
  | { readonly type: 'send'; readonly frame: ClientMessage }
  | { readonly type: 'retryIn'; readonly delayMs: number }
  | { readonly type: 'cancelRetry' }
  | { readonly type: 'probe'; readonly frameId: number; readonly delayMs: number }
  | { readonly type: 'configurePeers'; readonly iceServers: readonly IceServer[] }
  /** `initiate`: we make the first offer. Glare is still possible, and `polite` settles it. */
  | {
      readonly type: 'openPeer'
      readonly clientId: string
      readonly polite: boolean
      readonly initiate: boolean
    }
  | { readonly type: 'closePeer'; readonly clientId: string }
  | { readonly type: 'closePeers' }
  | { readonly type: 'deliver'; readonly from: string; readonly signal: Signal }
  | { readonly type: 'notice'; readonly notice: Notice }

export type Step = readonly [CallState, readonly CallEffect[]]
