/** The calls of the HTTP API, by name. */
import type { CallPage, ExplainedCall } from './call-record'
import type { Session } from './session'
import type {
  AuditPage,
  Ban,
  CreatedInvitation,
  CreatedRoom,
  DeviceSession,
  IceServerList,
  Invitation,
  Moderator,
  NewInvitation,
  NewRoom,
  Recording,
  RecordingLink,
  Room,
  RoomSettings,
  Ticket,
} from './types'

export type Api = ReturnType<typeof createApi>

export function createApi(session: Pick<Session, 'call'>) {
  const segment = encodeURIComponent
  const roomPath = (roomId: string) => `/rooms/${segment(roomId)}`
  return {
    listRooms: async () => (await session.call<{ rooms: Room[] }>('GET', '/rooms')).rooms,
    readRoom: (roomId: string) => session.call<Room>('GET', roomPath(roomId)),
    /** Show a room to someone who holds an invitation into it. */
    readInvitedRoom: (roomId: string, token: string) =>
      session.call<Room>('GET', roomPath(roomId), undefined, token),
    createRoom: (room: NewRoom = {}) => session.call<CreatedRoom>('POST', '/rooms', room),
    changeRoom: (roomId: string, settings: RoomSettings) =>
      session.call<Room>('PATCH', roomPath(roomId), settings),
    deleteRoom: (roomId: string) => session.call('DELETE', roomPath(roomId)),
    listInvitations: async (roomId: string) =>
      (await session.call<{ invitations: Invitation[] }>('GET', `${roomPath(roomId)}/invitations`))
        .invitations,
    createInvitation: (roomId: string, invitation: NewInvitation) =>
      session.call<CreatedInvitation>('POST', `${roomPath(roomId)}/invitations`, invitation),
    revokeInvitation: (roomId: string, id: string) =>
      session.call('DELETE', `${roomPath(roomId)}/invitations/${segment(id)}`),
    listModerators: async (roomId: string) =>
      (await session.call<{ moderators: Moderator[] }>('GET', `${roomPath(roomId)}/moderators`)).moderators,
    /** By username. */
    addModerator: (roomId: string, username: string) =>
      session.call<Moderator>('PUT', `${roomPath(roomId)}/moderators/${segment(username)}`),
    removeModerator: (roomId: string, userId: number) =>
      session.call('DELETE', `${roomPath(roomId)}/moderators/${userId}`),
    listBans: async (roomId: string) =>
      (await session.call<{ bans: Ban[] }>('GET', `${roomPath(roomId)}/bans`)).bans,
    liftBan: (roomId: string, id: string) =>
      session.call('DELETE', `${roomPath(roomId)}/bans/${segment(id)}`),
    readAudit: (roomId: string, before: string | null = null) =>
      session.call<AuditPage>(
        'GET',
        `${roomPath(roomId)}/audit${before === null ? '' : `?before=${segment(before)}`}`,
      ),
    startRecording: (roomId: string) => session.call<Recording>('POST', `${roomPath(roomId)}/recordings`),
    listRecordings: async (roomId: string) =>
      (await session.call<{ recordings: Recording[] }>('GET', `${roomPath(roomId)}/recordings`)).recordings,
    stopRecording: (roomId: string, id: string) =>
      session.call<Recording>('POST', `${roomPath(roomId)}/recordings/${segment(id)}/stop`),
    linkRecording: (roomId: string, id: string) =>
      session.call<RecordingLink>('POST', `${roomPath(roomId)}/recordings/${segment(id)}/link`),
    deleteRecording: (roomId: string, id: string) =>
      session.call('DELETE', `${roomPath(roomId)}/recordings/${segment(id)}`),
    listCalls: (roomId: string, before: string | null = null) =>
      session.call<CallPage>(
        'GET',
        `${roomPath(roomId)}/calls${before === null ? '' : `?before=${segment(before)}`}`,
      ),
    readCall: (roomId: string, callId: string) =>
      session.call<ExplainedCall>('GET', `${roomPath(roomId)}/calls/${segment(callId)}`),
    listSessions: () => session.call<DeviceSession[]>('GET', '/auth/sessions'),
    endSession: (id: string) => session.call('DELETE', `/auth/sessions/${segment(id)}`),
    changePassword: (current: string, next: string) =>
      session.call('POST', '/auth/password', { current, new: next }),
    /** For guests the room must admit them, or the invitation into it must hold. */
    readIceServers: (roomId: string, invitation: string | null) =>
      session.call<IceServerList>('GET', `/ice-servers?room=${segment(roomId)}`, undefined, invitation),
    takeTicket: () => session.call<Ticket>('POST', '/ws-tickets'),
  }
}
