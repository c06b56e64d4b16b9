import { useSession } from '@/app/services'
import { useNoIndex, useTitle } from '@/app/use-title'
import { Breadcrumbs } from '@/features/calls/breadcrumbs'
import { CallRecordView } from '@/features/calls/call-record-view'
import { useRoomName } from '@/features/calls/use-room-name'
import { Page, PageSkeleton } from '@/features/shell/page'
import { SignedOut } from '@/features/shell/signed-out'
import { Unreachable } from '@/features/shell/unreachable'
import { callPath } from '@/lib/room-id'

interface CallRecordPageProps {
  roomId: string
  callId: string
}

/** What happened in one call, for the host and moderators of its room. */
export default function CallRecordPage({ roomId, callId }: CallRecordPageProps) {
  const session = useSession()
  useNoIndex()
  if (session.status === 'loading') return <PageSkeleton />
  if (session.status === 'unreachable') return <Unreachable />
  if (session.status === 'signedOut') {
    return (
      <SignedOut path={callPath(roomId, callId)}>
        Sign in to see what happened in calls of your rooms.
      </SignedOut>
    )
  }
  return <CallRecord roomId={roomId} callId={callId} />
}

function CallRecord({ roomId, callId }: CallRecordPageProps) {
  const name = useRoomName(roomId)
  useTitle(`Call in ${name}`)
  return (
    <Page>
      <Breadcrumbs roomId={roomId} roomName={name} inCall />
      <CallRecordView roomId={roomId} callId={callId} />
    </Page>
  )
}
