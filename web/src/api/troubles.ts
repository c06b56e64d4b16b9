/** A socket that cannot be had, told over HTTP. */
import type { SocketTrouble } from '@/call/incident'
import { request } from './http'

/** Tell the server; also while the page goes away. Nobody need be signed in. */
export function reportTrouble(roomId: string, trouble: SocketTrouble): Promise<void> {
  return request(
    (input, init) => fetch(input, { ...init, keepalive: true }),
    'POST',
    `/rooms/${encodeURIComponent(roomId)}/troubles`,
    { body: trouble },
  )
}
