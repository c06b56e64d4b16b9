/** The bodies of the HTTP API, as docs/api.md has them. */

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

export interface Room {
  readonly roomId: string
  readonly name: string
  readonly guestsAllowed: boolean
  readonly maxMembers: number
  readonly members: number
  readonly owner: boolean
  readonly wsUrl: string
  readonly createdAt: string
}

export interface RoomSettings {
  readonly name?: string
  readonly guestsAllowed?: boolean
  readonly maxMembers?: number
}

export interface NewRoom extends RoomSettings {
  readonly roomId?: string
}

export interface CreatedRoom {
  readonly roomId: string
  readonly wsUrl: string
}

export interface Ticket {
  readonly ticket: string
  readonly expiresIn: number
}
