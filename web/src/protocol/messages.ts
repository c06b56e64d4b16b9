// Made by `npm run gen:types` from schema.json. Do not edit.

export type ClientMessage =
  | Hello
  | Resume
  | Received
  | Leave
  | SetProfile
  | SendChat
  | SendWebRtc
  | SetMedia
  | SetHand
  | React
  | RenewIceServers
  | ReportPath
  | SendStats
  | ReportTrouble
  | Admit
  | Deny
  | SetLock
  | Mute
  | LowerHand
  | Remove
  | Ban
  | SetRole
  | End
export type ServerMessage =
  | Welcome
  | Resumed
  | Waiting
  | Participants
  | Presence
  | Profile
  | Chat
  | ChatHistory
  | WebRtc
  | Media
  | Hand
  | Reaction
  | IceServers
  | Lobby
  | RoomChanged
  | RoleChanged
  | Muted
  | Ack
  | Error

export interface Protocol {
  client: ClientMessage
  server: ServerMessage
}
/**
 * First frame of a `?v=2` connection: says who comes in, so that no credential stands in a URL.
 */
export interface Hello {
  type: 'hello'
  token?: string
  displayName?: string
  guestId?: string
  password?: string
  invitation?: string
  /**
   * Chosen by the sender, growing by one or more
   */
  id?: number
}
/**
 * First frame of a `?v=2` connection that goes on with a session; `lastSeq` is the last frame that arrived.
 *
 *     `token` renews the session's credentials; it is needed when those it came in with have expired meanwhile.
 */
export interface Resume {
  type: 'resume'
  resumeToken: string
  /**
   * The `seq` of a server frame; 0 before the first
   */
  lastSeq: number
  token?: string
  /**
   * Chosen by the sender, growing by one or more
   */
  id?: number
}
/**
 * All server frames up to and including `seq` arrived; the server need not keep them any longer.
 */
export interface Received {
  type: 'ack'
  /**
   * The `seq` of a server frame; 0 before the first
   */
  seq: number
  /**
   * Chosen by the sender, growing by one or more
   */
  id?: number
}
/**
 * Leave the room for good.
 */
export interface Leave {
  type: 'leave'
  /**
   * Chosen by the sender, growing by one or more
   */
  id?: number
}
/**
 * Change the sender's display name.
 */
export interface SetProfile {
  type: 'profile'
  displayName: string
  /**
   * Chosen by the sender, growing by one or more
   */
  id?: number
}
/**
 * Say something to everyone in the room.
 */
export interface SendChat {
  type: 'chat'
  text: string
  /**
   * Chosen by the sender, growing by one or more
   */
  id?: number
}
/**
 * An offer, answer or candidate for one member. `from` is accepted and ignored: the server stamps it.
 *
 *     `connection` names the peer connection that the offer began; its answer and candidates repeat it, so that those
 *     of an earlier connection can be told apart and dropped.
 */
export interface SendWebRtc {
  type: 'webrtc'
  action: 'answer' | 'ice' | 'offer'
  to: string
  sdp?: string
  candidate?: Candidate | null
  /**
   * Names one RTCPeerConnection of the offering side
   */
  connection?: string
  from?: unknown
  /**
   * Chosen by the sender, growing by one or more
   */
  id?: number
}
/**
 * An `RTCIceCandidateInit` (W3C WebRTC §4.8.1); an empty `candidate` means end-of-candidates (RFC 8838 §9).
 */
export interface Candidate {
  candidate: string
  sdpMid?: string | null
  sdpMLineIndex?: number | null
  usernameFragment?: string | null
}
/**
 * Tell the others which of the sender's tracks are on.
 */
export interface SetMedia {
  type: 'media'
  audio: boolean
  video: boolean
  screen?: boolean
  /**
   * Chosen by the sender, growing by one or more
   */
  id?: number
}
/**
 * Raise or lower the sender's hand.
 */
export interface SetHand {
  type: 'hand'
  raised: boolean
  /**
   * Chosen by the sender, growing by one or more
   */
  id?: number
}
/**
 * Show everyone an emoji for a moment.
 */
export interface React {
  type: 'reaction'
  emoji: '❤️' | '🎉' | '👋' | '👍' | '👎' | '👏' | '😂' | '😮'
  /**
   * Chosen by the sender, growing by one or more
   */
  id?: number
}
/**
 * Ask for fresh TURN credentials: those of `welcome` end after a while.
 */
export interface RenewIceServers {
  type: 'ice_servers'
  /**
   * Chosen by the sender, growing by one or more
   */
  id?: number
}
/**
 * The state of the sender's peer connection to another member changed, or it looks for another path.
 *
 *     With an `id`, so that what happened while the signaling connection was lost is told after the resume.
 */
export interface ReportPath {
  type: 'path'
  clientId: string
  /**
   * Names one RTCPeerConnection of the offering side
   */
  connection: string
  state: 'closed' | 'connected' | 'connecting' | 'disconnected' | 'failed' | 'new'
  iceState?: 'checking' | 'closed' | 'completed' | 'connected' | 'disconnected' | 'failed' | 'new'
  reason?: 'ice_restart' | 'no_answer' | 'rebuild' | 'state'
  /**
   * Milliseconds. The server bounds what it is told
   */
  elapsedMs?: number
  /**
   * Milliseconds. The server bounds what it is told
   */
  gatheringMs?: number
  /**
   * Milliseconds. The server bounds what it is told
   */
  iceMs?: number
  local?: CandidateCounts
  remote?: CandidateCounts
  /**
   * @maxItems 8
   */
  serverErrors?: number[]
  pair?: SelectedPair
  /**
   * Chosen by the sender, growing by one or more
   */
  id?: number
}
/**
 * How many candidates of each type a browser knows.
 */
export interface CandidateCounts {
  host?: number
  srflx?: number
  prflx?: number
  relay?: number
}
/**
 * The pair of candidates that media takes, as the reporting browser sees it; no addresses.
 */
export interface SelectedPair {
  local?: ('host' | 'prflx' | 'relay' | 'srflx') | null
  remote?: ('host' | 'prflx' | 'relay' | 'srflx') | null
  protocol?: ('tcp' | 'udp') | null
  relayProtocol?: ('tcp' | 'tls' | 'udp') | null
  family?: ('v4' | 'v6') | null
}
/**
 * A digest of the media of all pairs, every 10 seconds. Without an `id`: an old one is of no use.
 */
export interface SendStats {
  type: 'stats'
  /**
   * @maxItems 49
   */
  peers: PeerStats[]
  /**
   * Chosen by the sender, growing by one or more
   */
  id?: number
}
/**
 * How media flows between the sender and one member, since the last digest. What is not known is left out.
 */
export interface PeerStats {
  clientId: string
  pair?: SelectedPair
  /**
   * Milliseconds. The server bounds what it is told
   */
  rttMs?: number
  /**
   * Milliseconds. The server bounds what it is told
   */
  audioJitterMs?: number
  /**
   * Milliseconds. The server bounds what it is told
   */
  videoJitterMs?: number
  audioLossIn?: number
  audioLossOut?: number
  videoLossIn?: number
  videoLossOut?: number
  bitrateIn?: number
  bitrateOut?: number
  freezes?: number
  /**
   * Milliseconds. The server bounds what it is told
   */
  frozenMs?: number
  limitedBy?: 'bandwidth' | 'cpu' | 'none' | 'other'
  widthIn?: number
  heightIn?: number
  fpsIn?: number
  widthOut?: number
  heightOut?: number
  fpsOut?: number
}
/**
 * A device of the sender cannot be used (`getUserMedia`, W3C Media Capture §10.2).
 */
export interface ReportTrouble {
  type: 'trouble'
  media: 'audio' | 'screen' | 'video'
  reason: 'in_use' | 'not_found' | 'other' | 'overconstrained' | 'permission'
  /**
   * Chosen by the sender, growing by one or more
   */
  id?: number
}
/**
 * Let someone in who waits in the lobby.
 */
export interface Admit {
  type: 'admit'
  clientId: string
  /**
   * Chosen by the sender, growing by one or more
   */
  id?: number
}
/**
 * Turn someone away who waits in the lobby.
 */
export interface Deny {
  type: 'deny'
  clientId: string
  /**
   * Chosen by the sender, growing by one or more
   */
  id?: number
}
/**
 * Close the room to newcomers, or open it again.
 */
export interface SetLock {
  type: 'lock'
  locked: boolean
  /**
   * Chosen by the sender, growing by one or more
   */
  id?: number
}
/**
 * Turn a member's microphone, camera or shared screen off; only the member can turn it on again.
 */
export interface Mute {
  type: 'mute'
  clientId: string
  media: 'audio' | 'screen' | 'video'
  /**
   * Chosen by the sender, growing by one or more
   */
  id?: number
}
/**
 * Lower someone's hand.
 */
export interface LowerHand {
  type: 'lower_hand'
  clientId: string
  /**
   * Chosen by the sender, growing by one or more
   */
  id?: number
}
/**
 * Take a member out of the call; coming back is possible.
 */
export interface Remove {
  type: 'remove'
  clientId: string
  /**
   * Chosen by the sender, growing by one or more
   */
  id?: number
}
/**
 * Take a member out of the call and keep them out of this room.
 */
export interface Ban {
  type: 'ban'
  clientId: string
  /**
   * Chosen by the sender, growing by one or more
   */
  id?: number
}
/**
 * Give a member another role. `host` hands the call over: the sender becomes a moderator.
 */
export interface SetRole {
  type: 'role'
  clientId: string
  role: 'host' | 'member' | 'moderator'
  /**
   * Chosen by the sender, growing by one or more
   */
  id?: number
}
/**
 * End the call for everyone.
 */
export interface End {
  type: 'end'
  /**
   * Chosen by the sender, growing by one or more
   */
  id?: number
}
/**
 * First frame to a new member. `clientId` is its name in this room until it leaves.
 */
export interface Welcome {
  type: 'welcome'
  clientId: string
  callId: string
  role: 'guest' | 'host' | 'member' | 'moderator'
  resumeToken: string
  resumeWindowMs: number
  iceServers: IceServer[]
  iceTtlMs: number
  limits: Limits
  room: RoomState
  /**
   * Numbered per session from 1, without gaps
   */
  seq: number
}
/**
 * An `RTCIceServer` (W3C WebRTC §4.2.4).
 */
export interface IceServer {
  urls: string[]
  username?: string
  credential?: string
}
/**
 * What this server accepts from a client.
 */
export interface Limits {
  frameBytes?: number
  chatCodePoints?: number
  displayNameCodePoints?: number
  members?: number
}
/**
 * What holds for the room as a whole.
 */
export interface RoomState {
  locked?: boolean
  lobby?: 'everyone' | 'guests' | 'off'
}
/**
 * First frame after `resume`; what was missed follows. `lastId`: the highest client frame that was handled.
 */
export interface Resumed {
  type: 'resumed'
  clientId: string
  lastId?: number
}
/**
 * The receiver stands in the lobby. Sent again when someone who can open the door comes or goes.
 */
export interface Waiting {
  type: 'waiting'
  hostPresent: boolean
  /**
   * Numbered per session from 1, without gaps
   */
  seq: number
}
/**
 * Everyone in the room, the receiver included.
 */
export interface Participants {
  type: 'participants'
  participants: Participant[]
  /**
   * Numbered per session from 1, without gaps
   */
  seq: number
}
/**
 * A member as the receiver of the list sees it. `polite`: the receiver is the polite side of this pair.
 */
export interface Participant {
  id: string
  displayName: string
  role: 'guest' | 'host' | 'member' | 'moderator'
  media: MediaState
  link: 'lost' | 'ok'
  polite: boolean
  kind?: 'person' | 'recorder'
  handRaisedAt?: number | null
}
/**
 * Which of a member's tracks are on, as the member says.
 */
export interface MediaState {
  audio?: boolean
  video?: boolean
  screen?: boolean
}
/**
 * Someone came or went, or lost the connection to the server and got it back.
 *
 *     On join, `polite` says whether the receiver is the polite side towards the newcomer. On a leave that someone else
 *     caused, `by` is that member and `reason` says what it was.
 */
export interface Presence {
  type: 'presence'
  action: 'back' | 'join' | 'leave' | 'lost'
  clientId: string
  ts: number
  displayName?: string
  role?: 'guest' | 'host' | 'member' | 'moderator'
  polite?: boolean
  kind?: 'person' | 'recorder'
  reason?: 'banned' | 'removed'
  by?: string
  /**
   * Numbered per session from 1, without gaps
   */
  seq: number
}
/**
 * A member's display name changed.
 */
export interface Profile {
  type: 'profile'
  clientId: string
  displayName: string
  /**
   * Numbered per session from 1, without gaps
   */
  seq: number
}
/**
 * Someone said something; the speaker receives it too, so all see one order.
 */
export interface Chat {
  type: 'chat'
  from: string
  displayName: string
  text: string
  id: string
  ts: number
  /**
   * Numbered per session from 1, without gaps
   */
  seq: number
}
/**
 * What was said in this call so far, oldest first; sent to a newcomer when there is something.
 */
export interface ChatHistory {
  type: 'chat_history'
  messages: ChatEntry[]
  /**
   * Numbered per session from 1, without gaps
   */
  seq: number
}
/**
 * What someone said before the receiver came.
 */
export interface ChatEntry {
  from: string
  displayName: string
  text: string
  id: string
  ts: number
}
/**
 * A relayed offer, answer or candidate; `from` is stamped by the server.
 */
export interface WebRtc {
  type: 'webrtc'
  action: 'answer' | 'ice' | 'offer'
  from: string
  to: string
  sdp?: string
  candidate?: Candidate | null
  connection?: string
  /**
   * Numbered per session from 1, without gaps
   */
  seq: number
}
/**
 * Which of a member's tracks are on changed.
 */
export interface Media {
  type: 'media'
  clientId: string
  audio: boolean
  video: boolean
  screen: boolean
  /**
   * Numbered per session from 1, without gaps
   */
  seq: number
}
/**
 * A hand went up or down.
 */
export interface Hand {
  type: 'hand'
  clientId: string
  raised: boolean
  ts: number
  /**
   * Numbered per session from 1, without gaps
   */
  seq: number
}
/**
 * Someone shows an emoji.
 */
export interface Reaction {
  type: 'reaction'
  clientId: string
  emoji: string
  /**
   * Numbered per session from 1, without gaps
   */
  seq: number
}
/**
 * Fresh STUN and TURN servers, for the next peer connection or ICE restart.
 */
export interface IceServers {
  type: 'ice_servers'
  iceServers: IceServer[]
  ttlMs: number
  /**
   * Numbered per session from 1, without gaps
   */
  seq: number
}
/**
 * Everyone who waits, in the order they came; to hosts and moderators, at each change.
 */
export interface Lobby {
  type: 'lobby'
  waiting: Knocker[]
  /**
   * Numbered per session from 1, without gaps
   */
  seq: number
}
/**
 * Someone who waits in the lobby.
 */
export interface Knocker {
  id: string
  displayName: string
}
/**
 * What holds for the room changed; `by` is the member who did it, if one did.
 */
export interface RoomChanged {
  type: 'room'
  room: RoomState
  by?: string
  /**
   * Numbered per session from 1, without gaps
   */
  seq: number
}
/**
 * A member has another role now.
 */
export interface RoleChanged {
  type: 'role'
  clientId: string
  role: 'guest' | 'host' | 'member' | 'moderator'
  by: string
  /**
   * Numbered per session from 1, without gaps
   */
  seq: number
}
/**
 * `by` turned a member's microphone, camera or screen off. That member's client stops sending it.
 */
export interface Muted {
  type: 'muted'
  clientId: string
  media: 'audio' | 'screen' | 'video'
  by: string
  /**
   * Numbered per session from 1, without gaps
   */
  seq: number
}
/**
 * All client frames up to and including `id` were handled.
 */
export interface Ack {
  type: 'ack'
  id: number
}
/**
 * A frame was refused, or the connection is about to close. `ref` is the refused frame's `id`, if it had one.
 */
export interface Error {
  type: 'error'
  code: string
  message: string
  retryable: boolean
  ref?: number
  /**
   * Numbered per session from 1, without gaps
   */
  seq: number
}
