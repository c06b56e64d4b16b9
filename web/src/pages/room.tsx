import { CloudOff } from 'lucide-react'
import {
  lazy,
  Suspense,
  useCallback,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
  type RefObject,
} from 'react'
import type { Api } from '@/api/client'
import { describeError, errorReference, isApiError, OfflineError } from '@/api/errors'
import { roomAddress } from '@/api/room-address'
import { reportTrouble } from '@/api/troubles'
import type { Room } from '@/api/types'
import { useServices, useSession, useUser } from '@/app/services'
import { useNoIndex, useTitle } from '@/app/use-title'
import { Call } from '@/call/controller'
import type { LocalMedia } from '@/call/media'
import { initialCall } from '@/call/reducer'
import { watchSurroundings } from '@/call/surroundings'
import { preferredName } from '@/features/account/preferences'
import { cleanDisplayName } from '@/features/account/rules'
import { Ended } from '@/features/call/ended'
import { asksForPassword } from '@/features/moderation/ended-words'
import { WaitingPanel } from '@/features/moderation/waiting-panel'
import { passwordAnswer, passwordToAsk, type PasswordAnswer } from '@/features/prejoin/door'
import { JoinPanel } from '@/features/prejoin/join-panel'
import { Prejoin } from '@/features/prejoin/prejoin'
import { useOwnLocalMedia } from '@/features/prejoin/use-local-media'
import { createEntry, forgetInvitation, takeInvitation } from '@/features/rooms/entry'
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
  const [invitation, setInvitation] = useState(() => takeInvitation(roomId))
  const callRef = useRef<Call | null>(null)
  const load = useCallback(() => setTries((count) => count + 1), [])
  // Who asks decides what is found, so it is looked up again after signing in or out.
  useEffect(() => {
    let stale = false
    lookUp(api, roomId, invitation)
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
  }, [api, roomId, invitation, signedIn, tries])
  // A link into the room that is shown already changes nothing but the part behind the #.
  useEffect(() => {
    const take = () => {
      setInvitation(takeInvitation(roomId))
      if (!isUnderWay(callRef.current)) setRoom(null)
    }
    window.addEventListener('hashchange', take)
    return () => window.removeEventListener('hashchange', take)
  }, [roomId])
  useTitle(room?.name || roomId)

  const goWithoutInvitation = () => {
    forgetInvitation(roomId)
    setRoom(null)
    setFailure(null)
    setInvitation(null)
  }
  if (room) {
    return (
      <Room
        room={room}
        invitation={invitation}
        callRef={callRef}
        onRefresh={load}
        onWithoutInvitation={goWithoutInvitation}
      />
    )
  }
  if (failure === null) return <PageSkeleton />
  if (isApiError(failure, 'invitation_invalid')) {
    const ended = { reason: 'invitation_invalid', code: null } as const
    return <Ended ended={ended} roomId={roomId} onRejoin={load} onWithoutInvitation={goWithoutInvitation} />
  }
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

/** An invitation also opens rooms that do not admit guests; one that ended is better said before anyone joins. */
function lookUp(api: Api, roomId: string, invitation: string | null): Promise<Room> {
  return invitation === null ? api.readRoom(roomId) : api.readInvitedRoom(roomId, invitation)
}

function isUnderWay(call: Call | null): boolean {
  const phase = call?.state().phase ?? 'idle'
  return phase !== 'idle' && phase !== 'ended'
}

interface RoomProps {
  room: Room
  invitation: string | null
  /** The call of this page, so that nothing takes it away while it goes on. */
  callRef: RefObject<Call | null>
  onRefresh: () => void
  onWithoutInvitation: () => void
}

function Room({ room, invitation, callRef, onRefresh, onWithoutInvitation }: RoomProps) {
  const { api, session } = useServices()
  const user = useUser()
  const media = useOwnLocalMedia()
  const [call, setCall] = useState<Call | null>(null)
  const [answer, setAnswer] = useState<PasswordAnswer | null>(null)
  useEffect(
    () => () => {
      callRef.current?.dispose()
      callRef.current = null
    },
    [callRef],
  )

  const join = (displayName: string, password: string) => {
    // Credentials are fixed for the call: someone who is signed out meanwhile does not silently become a guest.
    const signedIn = session.store.get().status === 'signedIn'
    callRef.current?.dispose()
    const next = new Call({
      media,
      address: (need) => roomAddress(api, room.wsUrl, signedIn, need),
      createSocket: (url) => new WebSocket(url),
      createConnection: (config) => new RTCPeerConnection(config),
      watch: watchSurroundings,
      reportTrouble: (trouble) => reportTrouble(room.roomId, trouble),
    })
    let seen = next.state().ended
    next.subscribe(() => {
      const { ended } = next.state()
      if (ended === seen) return
      seen = ended
      if (ended) setAnswer((before) => passwordAnswer(ended, password, before) ?? before)
    })
    callRef.current = next
    setCall(next)
    next.join(displayName, createEntry(signedIn, invitation, password))
  }

  return (
    <RoomView
      room={room}
      media={media}
      call={call}
      invited={invitation !== null}
      password={passwordToAsk(room, { invited: invitation !== null, signedIn: user !== null }, answer)}
      onJoin={join}
      onRejoin={() => {
        onRefresh()
        call?.join(call.state().displayName)
      }}
      onWithoutInvitation={onWithoutInvitation}
    />
  )
}

interface RoomViewProps {
  room: Room
  media: LocalMedia
  call: Call | null
  invited: boolean
  password: PasswordAnswer | null
  onJoin: (displayName: string, password: string) => void
  onRejoin: () => void
  onWithoutInvitation: () => void
}

function RoomView({
  room,
  media,
  call,
  invited,
  password,
  onJoin,
  onRejoin,
  onWithoutInvitation,
}: RoomViewProps) {
  const user = useUser()
  const [name, setName] = useState(() => preferredName(user?.username))
  const state = useSyncExternalStore(call?.subscribe ?? subscribeToNothing, call?.state ?? readIdle)
  const { phase, ended } = state
  const asked = asksForPassword(ended)
  // Fetched while people look at themselves, so that joining is instant.
  useEffect(() => void loadCallScreen(), [])
  useEffect(() => {
    if (phase === 'ended' && !asked) media.stop()
  }, [phase, asked, media])
  if (ended && !asked) {
    return (
      <Ended
        ended={ended}
        roomId={room.roomId}
        wasIn={state.joinedAt !== null}
        call={
          state.callId === null
            ? null
            : { id: state.callId, roomId: room.roomId, role: state.role, owner: room.owner }
        }
        onRejoin={onRejoin}
        onWithoutInvitation={onWithoutInvitation}
      />
    )
  }
  const before = (
    <Prejoin media={media} name={cleanDisplayName(name)}>
      {call && phase === 'waiting' ? (
        <WaitingPanel
          room={room}
          displayName={state.displayName}
          hostPresent={state.hostPresent}
          reconnecting={state.reconnecting}
          onLeave={() => call.dispatch({ type: 'leave' })}
        />
      ) : (
        <JoinPanel
          room={room}
          media={media}
          joining={phase === 'joining' || phase === 'in'}
          invited={invited}
          password={password}
          name={name}
          onName={setName}
          onJoin={onJoin}
        />
      )}
    </Prejoin>
  )
  if (!call || phase !== 'in') return before
  return (
    <Suspense fallback={before}>
      <CallScreen call={call} media={media} room={room} />
    </Suspense>
  )
}

const subscribeToNothing = () => () => undefined
const readIdle = () => initialCall
