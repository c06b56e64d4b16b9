import { useCallback, useEffect, useRef, useState } from 'react'
import type { Room } from '@/api/types'
import { useServices } from '@/app/services'
import { judge, runNetworkTest, type Leg, type Verdict } from '@/call/network-test'
import { recallInvitation } from '@/features/rooms/entry'

/** Run the network test for a room; it begins at once and ends with the component. */
export function useNetworkTest(room: Room) {
  const { api } = useServices()
  const [legs, setLegs] = useState<readonly Leg[]>([])
  const [verdict, setVerdict] = useState<Verdict | null>(null)
  const running = useRef<AbortController | null>(null)
  const { roomId, wsUrl } = room

  const start = useCallback(async () => {
    running.current?.abort()
    const { signal } = (running.current = new AbortController())
    const finished = await runNetworkTest({
      openSocket: (deadline) => openSocket(wsUrl, deadline),
      readServers: async () => (await api.readIceServers(roomId, recallInvitation(roomId))).iceServers,
      createConnection: (config) => new RTCPeerConnection(config),
      now: () => performance.now(),
      onChange: setLegs,
      signal,
    })
    if (!signal.aborted) setVerdict(judge(finished))
  }, [api, roomId, wsUrl])

  useEffect(() => {
    void start()
    return () => running.current?.abort()
  }, [start])

  const again = useCallback(() => {
    setVerdict(null)
    void start()
  }, [start])
  return { legs, verdict, again }
}

/** Open the room's socket and close it again before saying who we are: nobody in the room notices. */
function openSocket(wsUrl: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const url = new URL(wsUrl)
    url.searchParams.set('v', '2')
    const socket = new WebSocket(url)
    const close = () => socket.close(1000)
    signal.addEventListener('abort', close)
    socket.onopen = () => {
      resolve()
      close()
    }
    socket.onclose = () => {
      signal.removeEventListener('abort', close)
      reject(new Error('The socket did not open.'))
    }
  })
}
