/** The state of one call, the events that change it and the effects it asks for. */
import type {
  Admit,
  Ban,
  Candidate,
  ClientMessage,
  Deny,
  End,
  Hello,
  IceServer,
  Knocker,
  LowerHand,
  Mute,
  Participant,
  PeerStats,
  React,
  Remove,
  RoomState,
  ServerMessage,
  SetLock,
  SetRole,
} from '@/protocol/messages'
import type { Notice } from './notice'
import type { PathReport } from './path-report'
import type { Troubles } from './troubles'

export type Role = Participant['role']
export type MemberKind = NonNullable<Participant['kind']>
export type Emoji = React['emoji']
/** What someone sends: the microphone, the camera, the shared screen. */
export type MediaName = Mute['media']

/** How well a member's media reaches us. */
export type PeerLink = 'connecting' | 'connected' | 'lost'
/** Whether a member is connected to the server. Without it their media still flows, if it does. */
export type SignalLink = Participant['link']

export interface Media {
  readonly audio: boolean
  readonly video: boolean
  readonly screen: boolean
}

export interface Member {
  readonly id: string
  readonly displayName: string
  readonly role: Role
  /** A recorder is in the call like everyone and has no picture of its own. */
  readonly kind: MemberKind
  readonly media: Media
  /** Whether the member ever said which of its tracks are on. */
  readonly mediaKnown: boolean
  readonly link: PeerLink
  readonly signal: SignalLink
  /** Server time in milliseconds; null while the hand is down. */
  readonly handRaisedAt: number | null
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
  /** Written while there was no connection, so no server can have seen it yet. */
  readonly queued: boolean
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
  /** A host ended the call for everyone. */
  | 'ended'
  /** Turned away in the lobby. */
  | 'denied'
  | 'room_locked'
  /** Ask for the room's password, then join again with it. */
  | 'password_required'
  | 'wrong_password'
  | 'invitation_invalid'
  | 'unreachable'
  | 'lost'

export interface Ended {
  readonly reason: EndReason
  /** The close code of the server, if it closed. */
  readonly code: number | null
  /** The name of who did it, where the server says. */
  readonly by?: string
}

/** What opens the door beside an account. */
export interface Entry {
  readonly guestId?: string
  readonly password?: string
  readonly invitation?: string
}

/** What one needs to come back into a session after the connection was lost. */
export interface ResumableSession {
  readonly resumeToken: string
  readonly windowMs: number
}

export interface CallState {
  /** `waiting`: in the lobby, until someone opens. */
  readonly phase: 'idle' | 'joining' | 'waiting' | 'in' | 'ended'
  /** A property of being in the call, not another screen: tiles and media stay. */
  readonly reconnecting: boolean
  /** How many times in a row the connection could not be had, or did not hold. */
  readonly attempt: number
  readonly selfId: string | null
  /** Names the call in the server's records: for people who ask why it went as it did. */
  readonly callId: string | null
  /** Every name the server gave us in this call: a whole rejoin brings a new one. */
  readonly selfIds: readonly string[]
  readonly role: Role
  readonly displayName: string
  readonly entry: Entry
  readonly media: Media
  /** Which of our devices cannot be used. */
  readonly troubles: Troubles
  readonly handRaisedAt: number | null
  readonly limits: Limits
  readonly room: Required<RoomState>
  /** Who stands in the lobby, for those who may open. */
  readonly lobby: readonly Knocker[]
  /** While we wait ourselves: whether someone is there who can open. */
  readonly hostPresent: boolean
  readonly session: ResumableSession | null
  /** When the connection was lost; null while there is one. */
  readonly lostAt: number | null
  /** The credentials ran out: the next dial takes new ones. */
  readonly refreshDue: boolean
  readonly iceServers: readonly IceServer[]
  /** When the TURN credentials end and how long they last; null when they never do. */
  readonly iceExpiry: { readonly at: number; readonly ttlMs: number } | null
  readonly iceAsked: boolean
  /** Paths are to be looked for anew as soon as fresh servers are here. */
  readonly recoverWithFreshServers: boolean
  readonly joinedAt: number | null
  /** Others, in the order of their tiles. */
  readonly members: readonly Member[]
  /** Whether the list of members of this session has come. */
  readonly synced: boolean
  readonly messages: readonly ChatMessage[]
  readonly pending: readonly PendingChat[]
  readonly chatOpen: boolean
  readonly unread: number
  readonly ended: Ended | null
  /** Who took us out of the call, if the server said so before it closed. */
  readonly removedBy: string | null
  readonly nextFrameId: number
  readonly acked: number
  /** When the present connection let us in, in milliseconds; null while there is none. */
  readonly enteredAt: number | null
}

/** What negotiation says to one member; `connection` names the RTCPeerConnection it is about. */
export type Signal = { readonly connection?: string } & (
  | { readonly action: 'offer' | 'answer'; readonly sdp: string }
  | { readonly action: 'ice'; readonly candidate: Candidate | null }
)

/** What hosts and moderators may do; the server decides whether they may. */
export type Command = WithoutId<Admit | Deny | SetLock | Mute | LowerHand | Remove | Ban | SetRole | End>

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never

export type CallEvent =
  | { readonly type: 'join'; readonly displayName: string; readonly media: Media; readonly entry?: Entry }
  | { readonly type: 'frame'; readonly frame: ServerMessage; readonly now: number }
  /** `ownLateDial`: we may have been replaced by a connection of ours that we had given up. */
  | {
      readonly type: 'closed'
      readonly code: number
      readonly random: number
      readonly now: number
      readonly ownLateDial?: boolean
    }
  | { readonly type: 'refused'; readonly reason: EndReason }
  | { readonly type: 'retryDue' }
  /** Ask the server for a sign of life, or try again now. */
  | { readonly type: 'probe' }
  | { readonly type: 'probeDue'; readonly frameId: number; readonly random: number; readonly now: number }
  /** The machine has another way to the world: probe, and look for new paths to everyone. */
  | { readonly type: 'networkChanged'; readonly now?: number }
  /** Every few seconds: renew what runs out. */
  | { readonly type: 'tick'; readonly now: number }
  | { readonly type: 'media'; readonly media: Media }
  | { readonly type: 'rename'; readonly displayName: string }
  | { readonly type: 'chat'; readonly text: string }
  | { readonly type: 'retryChat'; readonly frameId: number }
  | { readonly type: 'chatShown'; readonly open: boolean }
  | { readonly type: 'hand'; readonly raised: boolean }
  | { readonly type: 'react'; readonly emoji: Emoji }
  | { readonly type: 'command'; readonly command: Command }
  | { readonly type: 'signal'; readonly to: string; readonly signal: Signal }
  | { readonly type: 'peerLink'; readonly clientId: string; readonly link: PeerLink }
  | { readonly type: 'path'; readonly clientId: string; readonly report: PathReport }
  | { readonly type: 'digest'; readonly peers: readonly PeerStats[] }
  | { readonly type: 'troubles'; readonly troubles: Troubles }
  | { readonly type: 'leave' }

/** How to open the session: go on with it until `until`, after that as someone new. */
export interface Dial {
  readonly hello: Omit<Hello, 'type' | 'id' | 'token'>
  readonly resume: { readonly token: string; readonly until: number } | null
  /** The credentials ran out: get new ones first. */
  readonly refresh: boolean
}

export type CallEffect =
  | { readonly type: 'connect'; readonly dial: Dial }
  /** `final`: the session ends; else the server keeps it for us to come back. */
  | { readonly type: 'disconnect'; readonly final: boolean }
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
      readonly kind: MemberKind
    }
  | { readonly type: 'closePeer'; readonly clientId: string }
  | { readonly type: 'closePeers' }
  /** Look for a new path: to one or all; `all`: also where the old one seems to work. */
  | { readonly type: 'recoverPeers'; readonly clientId: string | null; readonly all: boolean }
  | { readonly type: 'deliver'; readonly from: string; readonly signal: Signal }
  | { readonly type: 'turnOff'; readonly media: MediaName }
  | { readonly type: 'notice'; readonly notice: Notice }

export type Step = readonly [CallState, readonly CallEffect[]]
