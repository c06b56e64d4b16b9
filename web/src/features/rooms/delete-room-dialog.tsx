import type { Room } from '@/api/types'
import { useServices } from '@/app/services'
import { ErrorNotice } from '@/features/shell/error-notice'
import { useAction } from '@/lib/use-action'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'

interface DeleteRoomDialogProps {
  room: Room | null
  onClose: () => void
  onDeleted: (roomId: string) => void
}

export function DeleteRoomDialog({ room, onClose, onDeleted }: DeleteRoomDialogProps) {
  const { api } = useServices()
  const { run, busy, error } = useAction(async () => {
    if (!room) return
    await api.deleteRoom(room.roomId)
    onDeleted(room.roomId)
    onClose()
  })
  return (
    <Dialog
      open={room !== null}
      onOpenChange={(open) => !open && onClose()}
      title={`Delete “${room?.name || room?.roomId}”?`}
      description={
        room?.members
          ? 'People are in this room now; their call will end. The link stops working.'
          : 'The link stops working.'
      }
    >
      <ErrorNotice error={error} />
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Keep it</Button>
        <Button variant="danger" busy={busy} onClick={() => void run()}>
          {busy ? 'Deleting…' : 'Delete room'}
        </Button>
      </div>
    </Dialog>
  )
}
