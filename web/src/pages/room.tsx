import { CloudOff } from 'lucide-react'
import { lazy, Suspense, useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { describeError, errorReference, isApiError, OfflineError } from '@/api/errors'
import { roomAddress } from '@/api/room-address'
import type { Room } from '@/api/types'
import { useServices, useSession } from '@/app/services'
import { useNoIndex, useTitle } from '@/app/use-title'
import { Call } from '@/call/controller'
import type { LocalMedia } from '@/call/media'
import { initialCall } from '@/call/reducer'
import { Ended } from '@/features/call/ended'
import { Prejoin } from '@/features/prejoin/prejoin'
import { useOwnLocalMedia } from '@/features/prejoin/use-local-media'
import { RoomMalformed, RoomMissing } from '@/features/rooms/room-missing'
import { Page, PageSkeleton } from '@/features/shell/page'
import { Unreachable } from '@/features/shell/unreachable'
import { isRoomId } from '@/lib/room-id'
import { Button } from '@/ui/button'
import { Message } from '@/ui/message'

const loadCallScreen = () => import('@/features/call/call-screen')
const CallScreen = lazy(() => loadCallScreen().then(({ CallScreen: screen }) => ({ default: screen })))

/** The link people share: look the room up, then prejoin, call, ended. */
export default function RoomPage({ roomId }: { roomId: string }) {
  const session = useSession()
  useNoIndex()
  if (!isRoomId(roomId)) return <RoomMalformed />
  if (session.status === 'loading') return <PageSkeleton />
  if (session.status === 'unreachable') return <Unreachable />
  return <RoomLookup roomId={roomId} />
}

function RoomLookup({ roomId }: { roomId: string }) {
  const { api } = useServices()
  const session = useSession()
  const signedIn = session.status === 'signedIn'
  const [room, setRoom] = useState<Room | null>(null)
  const [failure, setFailure] = useState<unknown>(null)
  const [tries, setTries] = useState(0)
  const load = useCallback(() => setTries((count) => count + 1), [])
  // Who asks decides what is found, so it is looked up again after signing in or out.
  useEffect(() => {
    let stale = false
    api
      .readRoom(roomId)
      .then((found) => {
        if (stale) return
        setRoom(found)
        setFailure(null)
      })
      .catch((error: unknown) => {
        if (!stale) setFailure(error)
      })
    return () => {
      stale = true
    }
  }, [api, roomId, signedIn, tries])
  useTitle(room?.name || roomId)

  if (room) return <Room room={room} onRefresh={load} />
  if (failure === null) return <PageSkeleton />
  if (isApiError(failure, 'room_not_found')) return <RoomMissing roomId={roomId} onCreated={load} />
  return (
    <Page>
      <Message
        icon={<CloudOff aria-hidden />}
        title={failure instanceof OfflineError ? 'We can’t reach Chatter' : 'The room could not be opened'}
        reference={errorReference(failure) || undefined}
        actions={
          <Button variant="primary" onClick={load}>
            Try again
          </Button>
        }
      >
        {describeError(failure)}
      </Message>
    </Page>
  )
}

function Room({ room, onRefresh }: { room: Room; onRefresh: () => void }) {
  const { api, session } = useServices()
  const media = useOwnLocalMedia()
  const [call, setCall] = useState<Call | null>(null)
  const current = useRef<Call | null>(null)
  useEffect(() => () => current.current?.dispose(), [])

  const join = (displayName: string) => {
    // Credentials are fixed for the call: someone who is signed out meanwhile does not silently become a guest.
    const signedIn = session.store.get().status === 'signedIn'
    current.current?.dispose()
    const next = new Call({
      media,
      address: () => roomAddress(api, room.wsUrl, signedIn),
      createSocket: (url) => new WebSocket(url),
      createConnection: (config) => new RTCPeerConnection(config),
    })
    current.current = next
    setCall(next)
    next.join(displayName)
  }

  return (
    <RoomView
      room={room}
      media={media}
      call={call}
      onJoin={join}
      onRejoin={() => {
        onRefresh()
        call?.join(call.state().displayName)
      }}
    />
  )
}

interface RoomViewProps {
  room: Room
  media: LocalMedia
  call: Call | null
  onJoin: (displayName: string) => void
  onRejoin: () => void
}

function RoomView({ room, media, call, onJoin, onRejoin }: RoomViewProps) {
  const { phase, ended } = useSyncExternalStore(
    call?.subscribe ?? subscribeToNothing,
    call?.state ?? readIdle,
  )
  // Fetched while people look at themselves, so that joining is instant.
  useEffect(() => void loadCallScreen(), [])
  useEffect(() => {
    if (phase === 'ended') media.stop()
  }, [phase, media])
  if (ended) return <Ended ended={ended} roomId={room.roomId} onRejoin={onRejoin} />
  const prejoin = <Prejoin room={room} media={media} joining={phase !== 'idle'} onJoin={onJoin} />
  if (!call || phase !== 'in') return prejoin
  return (
    <Suspense fallback={prejoin}>
      <CallScreen call={call} media={media} room={room} />
    </Suspense>
  )
}

const subscribeToNothing = () => () => undefined
const readIdle = () => initialCall
