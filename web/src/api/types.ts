/** The bodies of the HTTP API, as docs/api.md has them. */
import type { IceServer } from '@/protocol/messages'

export interface Credentials {
  readonly username: string
  readonly password: string
}

export interface SignedIn {
  readonly id: number
  readonly token: string
  readonly username: string
}

export interface DeviceSession {
  readonly id: string
  readonly deviceId: string
  readonly expiresAt: string
  readonly lastSeen: string
  readonly current: boolean
  readonly userAgent: string | null
}

/** Who must knock before they come in. */
export type LobbyMode = 'off' | 'guests' | 'everyone'

export interface Room {
  readonly roomId: string
  readonly name: string
  readonly guestsAllowed: boolean
  readonly maxMembers: number
  readonly lobby: LobbyMode
  readonly passwordRequired: boolean
  /** How many are in it now; null while the server that runs its call cannot be asked. */
  readonly members: number | null
  readonly owner: boolean
  readonly wsUrl: string
  readonly createdAt: string
}

export interface RoomSettings {
  readonly name?: string
  readonly guestsAllowed?: boolean
  readonly maxMembers?: number
  readonly lobby?: LobbyMode
  /** Null takes the password away. It is never shown again. */
  readonly password?: string | null
}

export interface NewRoom extends RoomSettings {
  readonly roomId?: string
}

export interface CreatedRoom {
  readonly roomId: string
  readonly wsUrl: string
}

export interface IceServerList {
  readonly iceServers: readonly IceServer[]
  readonly ttlMs: number
}

export interface Ticket {
  readonly ticket: string
  readonly expiresIn: number
}

export interface Invitation {
  readonly id: string
  readonly createdAt: string
  readonly expiresAt: string
  /** Null: as many as come. */
  readonly maxUses: number | null
  readonly uses: number
}

export interface NewInvitation {
  /** In seconds. */
  readonly expiresIn: number
  readonly maxUses?: number
}

/** The address holds the token and is shown this once. */
export interface CreatedInvitation {
  readonly invitation: Invitation
  readonly url: string
}

export interface Moderator {
  readonly userId: number
  readonly username: string
}

export interface Ban {
  readonly id: string
  readonly displayName: string
  /** A ban of a guest holds for the browser. */
  readonly kind: 'guest' | 'account'
  readonly by: string
  readonly createdAt: string
}

/** Someone in the audit log: an account, or a member without one. */
export interface AuditParty {
  readonly id: string
  readonly name: string
}

export interface AuditEntry {
  readonly id: string
  readonly at: string
  readonly actor: AuditParty
  readonly action: string
  readonly target: AuditParty | null
  readonly detail: string
}

export interface AuditPage {
  readonly entries: readonly AuditEntry[]
  /** Where the next older page begins; null at the end. */
  readonly next: string | null
}

export interface Recording {
  readonly recordingId: string
  readonly roomId: string
  readonly status: 'starting' | 'recording' | 'processing' | 'ready' | 'failed'
  readonly startedAt: string
  readonly stoppedAt: string | null
  readonly bytes: number
  readonly durationMs: number
  /** From 0 to 1, while it is being put together. */
  readonly progress: number
  /** Why it ended early, or why there is none; empty when all went well. */
  readonly error: string
}

/** An address that plays or downloads a recording without signing in. */
export interface RecordingLink {
  readonly url: string
  readonly expiresIn: number
}
