import {
  Copy,
  DoorClosed,
  EllipsisVertical,
  Film,
  History,
  Lock,
  Settings2,
  Trash2,
  Users,
  Video,
} from 'lucide-react'
import { lazy, Suspense, useCallback, useEffect, useState } from 'react'
import type { Room } from '@/api/types'
import { Link, navigate } from '@/app/router'
import { useServices } from '@/app/services'
import { ErrorNotice } from '@/features/shell/error-notice'
import { callsPath, roomPath } from '@/lib/room-id'
import { useAction } from '@/lib/use-action'
import { Button } from '@/ui/button'
import { Menu, MenuItem } from '@/ui/menu'
import { Skeleton } from '@/ui/skeleton'
import { toast } from '@/ui/toast'
import { copyRoomLink } from './copy-link'
import { DeleteRoomDialog } from './delete-room-dialog'

const RoomSettingsDialog = lazy(() =>
  import('./room-settings-dialog').then(({ RoomSettingsDialog: dialog }) => ({ default: dialog })),
)

const RecordingsDialog = lazy(() =>
  import('@/features/recordings/recordings-dialog').then(({ RecordingsDialog: dialog }) => ({
    default: dialog,
  })),
)

/** The rooms of the signed-in person. */
export function RoomList() {
  const { api } = useServices()
  const [rooms, setRooms] = useState<readonly Room[] | null>(null)
  const [changing, setChanging] = useState<Room | null>(null)
  const [recorded, setRecorded] = useState<Room | null>(null)
  const [deleting, setDeleting] = useState<Room | null>(null)
  const { run: load, error } = useAction(async () => setRooms(await api.listRooms()))

  useEffect(() => {
    void load()
    const reload = () => document.visibilityState === 'visible' && void load()
    document.addEventListener('visibilitychange', reload)
    return () => document.removeEventListener('visibilitychange', reload)
  }, [load])

  const onChanged = useCallback((room: Room) => {
    setRooms((all) => all?.map((known) => (known.roomId === room.roomId ? room : known)) ?? null)
    toast('Saved.')
  }, [])
  const onDeleted = useCallback((roomId: string) => {
    setRooms((all) => all?.filter((known) => known.roomId !== roomId) ?? null)
    toast('Room deleted.')
  }, [])

  return (
    <section aria-labelledby="my-rooms">
      <h2 id="my-rooms" className="mb-3 text-lg font-semibold">
        My rooms
      </h2>
      {error !== null && rooms === null ? (
        <div className="flex flex-col items-start gap-3">
          <ErrorNotice error={error} />
          <Button onClick={() => void load()}>Try again</Button>
        </div>
      ) : rooms === null ? (
        <RoomsLoading />
      ) : rooms.length === 0 ? (
        <p className="rounded-lg border border-dashed border-border-strong px-6 py-10 text-center text-muted">
          No rooms yet. Start a call above; its room stays here for next time.
        </p>
      ) : (
        <ul className="flex flex-col overflow-hidden rounded-lg border border-border bg-surface">
          {rooms.map((room) => (
            <RoomRow
              key={room.roomId}
              room={room}
              onChange={setChanging}
              onRecordings={setRecorded}
              onDelete={setDeleting}
            />
          ))}
        </ul>
      )}
      {changing && (
        <Suspense fallback={null}>
          <RoomSettingsDialog
            roomId={changing.roomId}
            room={changing}
            onClose={() => setChanging(null)}
            onChanged={onChanged}
          />
        </Suspense>
      )}
      {recorded && (
        <Suspense fallback={null}>
          <RecordingsDialog room={recorded} onClose={() => setRecorded(null)} />
        </Suspense>
      )}
      <DeleteRoomDialog room={deleting} onClose={() => setDeleting(null)} onDeleted={onDeleted} />
    </section>
  )
}

function RoomsLoading() {
  return (
    <div className="flex flex-col gap-2">
      <Skeleton className="h-17" />
      <Skeleton className="h-17" />
      <p role="status" className="late text-sm text-muted">
        Loading your rooms…
      </p>
    </div>
  )
}

/** What stands between the link and the call. */
function DoorMarks({ room }: { room: Room }) {
  return (
    <>
      {room.passwordRequired && (
        <span className="flex items-center gap-1">
          <Lock aria-hidden className="size-3.5" /> Password
        </span>
      )}
      {room.lobby !== 'off' && (
        <span className="flex items-center gap-1">
          <DoorClosed aria-hidden className="size-3.5" />{' '}
          {room.lobby === 'guests' ? 'Guests knock' : 'Everyone knocks'}
        </span>
      )}
    </>
  )
}

interface RoomRowProps {
  room: Room
  onChange: (room: Room) => void
  onRecordings: (room: Room) => void
  onDelete: (room: Room) => void
}

function RoomRow({ room, onChange, onRecordings, onDelete }: RoomRowProps) {
  const name = room.name || room.roomId
  return (
    <li className="flex items-center gap-2 border-b border-border py-1.5 pr-2 pl-4 last:border-b-0">
      <div className="min-w-0 flex-1 py-1.5">
        <p className="truncate font-medium">{name}</p>
        <p className="flex flex-wrap items-center gap-x-2 text-sm text-muted">
          {room.name && <span className="truncate">{room.roomId} ·</span>}
          {room.members ? (
            <span className="flex items-center gap-1 font-medium text-accent">
              <Users aria-hidden className="size-3.5" /> {room.members} in the call
            </span>
          ) : (
            <span>{room.guestsAllowed ? 'Anyone with the link' : 'Signed-in people only'}</span>
          )}
          <DoorMarks room={room} />
        </p>
      </div>
      <Button asChild variant="soft" size="sm">
        <Link href={roomPath(room.roomId)} aria-label={`Open ${name}`}>
          <Video aria-hidden /> Open
        </Link>
      </Button>
      <Menu
        trigger={
          <Button variant="ghost" size="icon" aria-label={`More for ${name}`}>
            <EllipsisVertical aria-hidden />
          </Button>
        }
      >
        <MenuItem icon={<Copy aria-hidden />} onSelect={() => void copyRoomLink(room.roomId)}>
          Copy link
        </MenuItem>
        <MenuItem icon={<History aria-hidden />} onSelect={() => navigate(callsPath(room.roomId))}>
          Calls
        </MenuItem>
        <MenuItem icon={<Film aria-hidden />} onSelect={() => onRecordings(room)}>
          Recordings
        </MenuItem>
        <MenuItem icon={<Settings2 aria-hidden />} onSelect={() => onChange(room)}>
          Settings
        </MenuItem>
        <MenuItem icon={<Trash2 aria-hidden />} danger onSelect={() => onDelete(room)}>
          Delete
        </MenuItem>
      </Menu>
    </li>
  )
}
