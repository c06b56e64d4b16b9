import { useEffect, useState } from 'react'
import type { Room } from '@/api/types'
import { useServices } from '@/app/services'
import { ErrorNotice } from '@/features/shell/error-notice'
import { useAction } from '@/lib/use-action'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Skeleton } from '@/ui/skeleton'
import { Tabs } from '@/ui/tabs'
import { AuditLog } from './audit-log'
import { InvitationsTab } from './invitations-tab'
import { PasswordTab } from './password-tab'
import { PeopleTab } from './people-tab'
import { RoomForm } from './room-form'

interface RoomSettingsDialogProps {
  roomId: string
  /** What is known of the room; without it, it is fetched. */
  room?: Room
  onClose: () => void
  onChanged: (room: Room) => void
}

/** Everything an owner decides about a room. */
export function RoomSettingsDialog({ roomId, room: known, onClose, onChanged }: RoomSettingsDialogProps) {
  const { api } = useServices()
  const [room, setRoom] = useState<Room | null>(known ?? null)
  const { run: load, error } = useAction(async () => setRoom(await api.readRoom(roomId)))
  useEffect(() => {
    if (!known) void load()
  }, [known, load])
  const change = (changed: Room) => {
    setRoom(changed)
    onChanged(changed)
  }
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title="Room settings"
      description={<span className="wrap-anywhere">Link: /r/{roomId}</span>}
      className="content-start max-sm:h-[92dvh] sm:h-[min(46rem,90dvh)] sm:w-[min(42rem,calc(100vw-2rem))]"
    >
      {room ? (
        <RoomTabs room={room} onChanged={change} onClose={onClose} />
      ) : error !== null ? (
        <div className="flex flex-col items-start gap-3">
          <ErrorNotice error={error} />
          <Button onClick={() => void load()}>Try again</Button>
        </div>
      ) : (
        <Skeleton className="h-60" />
      )}
    </Dialog>
  )
}

interface RoomTabsProps {
  room: Room
  onChanged: (room: Room) => void
  onClose: () => void
}

function RoomTabs({ room, onChanged, onClose }: RoomTabsProps) {
  const [tab, setTab] = useState('room')
  const save = (changed: Room) => {
    onChanged(changed)
    onClose()
  }
  return (
    <Tabs
      label="Room settings"
      value={tab}
      onChange={setTab}
      tabs={[
        { value: 'room', label: 'Room', content: <RoomForm room={room} onChanged={save} /> },
        { value: 'password', label: 'Password', content: <PasswordTab room={room} onChanged={onChanged} /> },
        { value: 'invitations', label: 'Invites', content: <InvitationsTab roomId={room.roomId} /> },
        { value: 'people', label: 'People', content: <PeopleTab roomId={room.roomId} /> },
        { value: 'log', label: 'Log', content: <AuditLog roomId={room.roomId} /> },
      ]}
    />
  )
}
