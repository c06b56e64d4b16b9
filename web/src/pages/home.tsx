import { Link2, Lock, MessageSquare, Plus, Server, Video } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { Link, navigate } from '@/app/router'
import { useServices, useSession } from '@/app/services'
import { useTitle } from '@/app/use-title'
import { ErrorNotice } from '@/features/shell/error-notice'
import { JoinForm } from '@/features/rooms/join-form'
import { Page, PageSkeleton } from '@/features/shell/page'
import { Unreachable } from '@/features/shell/unreachable'
import { roomPath } from '@/lib/room-id'
import { useAction } from '@/lib/use-action'
import { Button } from '@/ui/button'

const RoomList = lazy(() =>
  import('@/features/rooms/room-list').then(({ RoomList: list }) => ({ default: list })),
)
const NewRoomDialog = lazy(() =>
  import('@/features/rooms/new-room-dialog').then(({ NewRoomDialog: dialog }) => ({ default: dialog })),
)

export function HomePage() {
  const session = useSession()
  useTitle('')
  if (session.status === 'loading') return <PageSkeleton />
  if (session.status === 'unreachable') return <Unreachable />
  return session.status === 'signedIn' ? <MyHome username={session.user.username} /> : <Welcome />
}

function MyHome({ username }: { username: string }) {
  const { api } = useServices()
  const [naming, setNaming] = useState(false)
  const { run, busy, error } = useAction(async () => {
    const room = await api.createRoom()
    navigate(roomPath(room.roomId))
  })
  return (
    <Page className="max-w-3xl">
      <h1 className="mb-6 text-xl font-semibold text-balance">Hello, {username}</h1>
      <div className="mb-10 grid gap-6 rounded-lg border border-border bg-surface p-5 sm:grid-cols-2 sm:p-6">
        <div className="flex flex-col gap-1.5">
          <p className="text-sm font-medium">Start a call</p>
          <div className="flex gap-2">
            <Button variant="primary" className="flex-1" busy={busy} onClick={() => void run()}>
              <Video aria-hidden /> {busy ? 'Making a room…' : 'New room'}
            </Button>
            <Button onClick={() => setNaming(true)}>
              <Plus aria-hidden /> Named
            </Button>
          </div>
          <ErrorNotice error={error} />
        </div>
        <JoinForm />
      </div>
      <Suspense fallback={null}>
        <RoomList />
        {naming && <NewRoomDialog open onOpenChange={setNaming} />}
      </Suspense>
    </Page>
  )
}

const POINTS = [
  {
    icon: Link2,
    title: 'A link is enough',
    text: 'Guests type a name and are in. No account, nothing to install.',
  },
  {
    icon: Lock,
    title: 'Encrypted between you',
    text: 'Sound and picture go straight from browser to browser.',
  },
  { icon: Server, title: 'On your own server', text: 'Rooms and accounts stay where you put them.' },
] as const

function Welcome() {
  return (
    <Page>
      <div className="grid items-center gap-10 pt-6 pb-14 sm:pt-12 lg:grid-cols-[1.1fr_1fr] lg:gap-16">
        <div className="flex flex-col gap-5">
          <h1 className="text-2xl font-semibold tracking-tight text-balance sm:text-[3rem]">
            Video calls that start with a link.
          </h1>
          <p className="max-w-prose text-lg text-pretty text-muted">
            Send a link, type a name, talk. Chatter runs on your own server and belongs to nobody else.
          </p>
          <div className="mt-2 max-w-md rounded-lg border border-border bg-surface p-5 shadow-md">
            <JoinForm primary />
            <p className="mt-4 text-sm text-muted">
              Want a room of your own?{' '}
              <Link href="/signup" className="font-medium text-accent underline underline-offset-2">
                Create an account
              </Link>{' '}
              or{' '}
              <Link href="/signin" className="font-medium text-accent underline underline-offset-2">
                sign in
              </Link>
              .
            </p>
          </div>
        </div>
        <CallPicture />
      </div>
      <ul className="grid gap-4 sm:grid-cols-3">
        {POINTS.map(({ icon: Icon, title, text }) => (
          <li key={title} className="flex flex-col gap-1.5 rounded-lg bg-surface-2 p-5">
            <Icon aria-hidden className="mb-1 size-5 text-accent" />
            <h2 className="font-semibold">{title}</h2>
            <p className="text-sm text-pretty text-muted">{text}</p>
          </li>
        ))}
      </ul>
    </Page>
  )
}

/** What a call looks like, drawn rather than photographed. */
function CallPicture() {
  const tiles = [
    { name: 'Mira', className: 'bg-accent-soft text-on-accent-soft', speaking: true },
    { name: 'Jonas', className: 'bg-surface-3 text-text', speaking: false },
    { name: 'Aiko', className: 'bg-surface-3 text-text', speaking: false },
    { name: 'You', className: 'bg-surface-2 text-text', speaking: false },
  ]
  return (
    <div aria-hidden className="hidden rounded-lg border border-border bg-stage p-3 shadow-lg sm:block">
      <div className="grid grid-cols-2 gap-3">
        {tiles.map((tile) => (
          <div
            key={tile.name}
            className={`relative grid aspect-video place-items-center rounded-md bg-tile ${tile.speaking ? 'ring-3 ring-speaking' : ''}`}
          >
            <span
              className={`grid size-14 place-items-center rounded-full text-lg font-semibold ${tile.className}`}
            >
              {tile.name[0]}
            </span>
            <span className="absolute bottom-2 left-2 rounded-sm bg-video-label px-2 py-0.5 text-xs text-on-video">
              {tile.name}
            </span>
          </div>
        ))}
      </div>
      <div className="mt-3 flex justify-center gap-2">
        <span className="grid size-10 place-items-center rounded-full bg-surface">
          <Video className="size-4" />
        </span>
        <span className="grid size-10 place-items-center rounded-full bg-surface">
          <MessageSquare className="size-4" />
        </span>
        <span className="h-10 w-16 rounded-full bg-danger" />
      </div>
    </div>
  )
}
