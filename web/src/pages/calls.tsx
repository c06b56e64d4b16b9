import { useSession } from '@/app/services'
import { useNoIndex, useTitle } from '@/app/use-title'
import { Breadcrumbs } from '@/features/calls/breadcrumbs'
import { CallList } from '@/features/calls/call-list'
import { useRoomName } from '@/features/calls/use-room-name'
import { Page, PageSkeleton } from '@/features/shell/page'
import { SignedOut } from '@/features/shell/signed-out'
import { Unreachable } from '@/features/shell/unreachable'
import { callsPath } from '@/lib/room-id'

/** What became of the calls of a room, for its host and moderators. */
export default function CallsPage({ roomId }: { roomId: string }) {
  const session = useSession()
  useNoIndex()
  if (session.status === 'loading') return <PageSkeleton />
  if (session.status === 'unreachable') return <Unreachable />
  if (session.status === 'signedOut')
    return <SignedOut path={callsPath(roomId)}>Sign in to see the calls of your rooms.</SignedOut>
  return <Calls roomId={roomId} />
}

function Calls({ roomId }: { roomId: string }) {
  const name = useRoomName(roomId)
  useTitle(`Calls in ${name}`)
  return (
    <Page className="max-w-3xl">
      <Breadcrumbs roomId={roomId} roomName={name} />
      <CallList roomId={roomId} />
    </Page>
  )
}
