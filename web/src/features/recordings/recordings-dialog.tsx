import { useCallback, useEffect, useState } from 'react'
import type { Recording, Room } from '@/api/types'
import { useServices } from '@/app/services'
import { ErrorNotice } from '@/features/shell/error-notice'
import { useAction } from '@/lib/use-action'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Skeleton } from '@/ui/skeleton'
import { RecordingRow } from './recording-row'
import { isFinished } from './words'

const POLL_MS = 2_000

interface RecordingsDialogProps {
  room: Room
  onClose: () => void
}

/** The recordings of one room: watch, download, delete. */
export function RecordingsDialog({ room, onClose }: RecordingsDialogProps) {
  const { recordings, error, load, forget } = useRecordings(room.roomId)
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={`Recordings of ${room.name || room.roomId}`}
      className="sm:w-[min(40rem,calc(100vw-2rem))]"
    >
      {error !== null && recordings === null ? (
        <div className="flex flex-col items-start gap-3">
          <ErrorNotice error={error} />
          <Button onClick={() => void load()}>Try again</Button>
        </div>
      ) : recordings === null ? (
        <Skeleton className="h-17" />
      ) : recordings.length === 0 ? (
        <p className="py-4 text-sm text-muted">
          No recordings yet. To make one, choose “Record this call” in the “More” menu of a call.
        </p>
      ) : (
        <ul className="flex flex-col">
          {recordings.map((recording) => (
            <RecordingRow key={recording.recordingId} recording={recording} onDeleted={forget} />
          ))}
        </ul>
      )}
    </Dialog>
  )
}

function useRecordings(roomId: string) {
  const { api } = useServices()
  const [recordings, setRecordings] = useState<readonly Recording[] | null>(null)
  const { run: load, error } = useAction(async () => setRecordings(await api.listRecordings(roomId)))
  const unfinished = recordings?.some((recording) => !isFinished(recording)) ?? false

  useEffect(() => void load(), [load])
  useEffect(() => {
    if (!unfinished) return undefined
    const timer = setInterval(() => void load(), POLL_MS)
    return () => clearInterval(timer)
  }, [unfinished, load])

  const forget = useCallback((id: string) => {
    setRecordings((all) => all?.filter(({ recordingId }) => recordingId !== id) ?? null)
  }, [])
  return { recordings, error, load, forget }
}
