import { DoorOpen, SearchX } from 'lucide-react'
import { isApiError } from '@/api/errors'
import { Link, signInPath } from '@/app/router'
import { useServices, useUser } from '@/app/services'
import { ErrorNotice } from '@/features/shell/error-notice'
import { Page } from '@/features/shell/page'
import { roomPath } from '@/lib/room-id'
import { useAction } from '@/lib/use-action'
import { Button } from '@/ui/button'
import { Message } from '@/ui/message'
import { JoinForm } from './join-form'

/** No room by this id: people who are signed in may make it, guests may sign in. */
export function RoomMissing({ roomId, onCreated }: { roomId: string; onCreated: () => void }) {
  const user = useUser()
  const { api } = useServices()
  const { run, busy, error } = useAction(async () => {
    try {
      await api.createRoom({ roomId })
    } catch (failure) {
      // Someone else was faster: then it exists, which is what was wanted.
      if (!isApiError(failure, 'room_exists')) throw failure
    }
    onCreated()
  })
  if (!user) {
    return (
      <Page>
        <Message
          icon={<SearchX aria-hidden />}
          title="This room is not open to you"
          actions={
            <>
              <Button asChild variant="primary">
                <Link href={signInPath(roomPath(roomId))}>Sign in</Link>
              </Button>
              <Button asChild>
                <Link href="/">Back to the start</Link>
              </Button>
            </>
          }
        >
          There is no such room, or it only admits people who are signed in.
        </Message>
      </Page>
    )
  }
  return (
    <Page>
      <Message
        icon={<DoorOpen aria-hidden />}
        title={
          <>
            There is no room “<span className="wrap-anywhere">{roomId}</span>” yet
          </>
        }
        actions={
          <>
            <Button variant="primary" busy={busy} onClick={() => void run()}>
              {busy ? 'Creating…' : 'Create this room'}
            </Button>
            <Button asChild>
              <Link href="/">Back to the start</Link>
            </Button>
          </>
        }
      >
        If you expected people here, check the link for a typing mistake. Or create the room; it will be
        yours.
      </Message>
      <div className="mx-auto max-w-md">
        <ErrorNotice error={error} />
      </div>
    </Page>
  )
}

/** The address cannot be a room at all. */
export function RoomMalformed() {
  return (
    <Page>
      <Message icon={<SearchX aria-hidden />} title="That link is not complete">
        Rooms have names like “stand-up” or “k3v9xq2mhd”. Paste the whole link, or type the room’s name.
      </Message>
      <div className="mx-auto max-w-md">
        <JoinForm primary />
      </div>
    </Page>
  )
}
