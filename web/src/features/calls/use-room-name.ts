import { useEffect, useState } from 'react'
import { useServices } from '@/app/services'

/** What a room is called; its id until that is known, and where it cannot be. */
export function useRoomName(roomId: string): string {
  const { api } = useServices()
  const [name, setName] = useState('')
  useEffect(() => {
    let stale = false
    api
      .readRoom(roomId)
      .then((room) => !stale && setName(room.name))
      .catch(() => undefined)
    return () => {
      stale = true
    }
  }, [api, roomId])
  return name || roomId
}
