/** The calls of the HTTP API, by name. */
import type { Session } from './session'
import type { CreatedRoom, DeviceSession, NewRoom, Room, RoomSettings, Ticket } from './types'

export type Api = ReturnType<typeof createApi>

export function createApi(session: Pick<Session, 'call'>) {
  const roomPath = (roomId: string) => `/rooms/${encodeURIComponent(roomId)}`
  return {
    listRooms: async () => (await session.call<{ rooms: Room[] }>('GET', '/rooms')).rooms,
    readRoom: (roomId: string) => session.call<Room>('GET', roomPath(roomId)),
    createRoom: (room: NewRoom = {}) => session.call<CreatedRoom>('POST', '/rooms', room),
    changeRoom: (roomId: string, settings: RoomSettings) =>
      session.call<Room>('PATCH', roomPath(roomId), settings),
    deleteRoom: (roomId: string) => session.call('DELETE', roomPath(roomId)),
    listSessions: () => session.call<DeviceSession[]>('GET', '/auth/sessions'),
    endSession: (id: string) => session.call('DELETE', `/auth/sessions/${encodeURIComponent(id)}`),
    changePassword: (current: string, next: string) =>
      session.call('POST', '/auth/password', { current, new: next }),
    takeTicket: () => session.call<Ticket>('POST', '/ws-tickets'),
  }
}
