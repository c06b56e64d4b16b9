// Made by `npm run gen:types` from schema.json. Do not edit.

export type ClientMessage = Hello | SetProfile | SendChat | SendWebRtc | SetMedia | Leave
export type ServerMessage = Welcome | Participants | Presence | Profile | Chat | WebRtc | Media | Ack | Error

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
 */
export interface SendWebRtc {
  type: 'webrtc'
  action: 'answer' | 'ice' | 'offer'
  to: string
  sdp?: string
  candidate?: Candidate | null
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
 * First frame to a new member. `clientId` is its name in this room until it leaves.
 */
export interface Welcome {
  type: 'welcome'
  clientId: string
  role: 'guest' | 'host' | 'member' | 'moderator'
  iceServers: IceServer[]
  limits: Limits
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
 * Someone came or went. On join, `polite` says whether the receiver is the polite side towards the newcomer.
 */
export interface Presence {
  type: 'presence'
  action: 'join' | 'leave'
  clientId: string
  ts: number
  displayName?: string
  role?: 'guest' | 'host' | 'member' | 'moderator'
  polite?: boolean
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
 * A relayed offer, answer or candidate; `from` is stamped by the server.
 */
export interface WebRtc {
  type: 'webrtc'
  action: 'answer' | 'ice' | 'offer'
  from: string
  to: string
  sdp?: string
  candidate?: Candidate | null
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
