import { Download, Play, Trash2 } from 'lucide-react'
import { useState } from 'react'
import type { Recording } from '@/api/types'
import { useServices } from '@/app/services'
import { ErrorNotice } from '@/features/shell/error-notice'
import { formatDuration } from '@/lib/time'
import { useAction } from '@/lib/use-action'
import { Button } from '@/ui/button'
import { describeRecording, formatSize, isFinished } from './words'

interface RecordingRowProps {
  recording: Recording
  onDeleted: (recordingId: string) => void
}

export function RecordingRow({ recording, onDeleted }: RecordingRowProps) {
  const { recordingId, roomId, status, bytes, durationMs } = recording
  const { api } = useServices()
  const [film, setFilm] = useState<string | null>(null)
  const [asking, setAsking] = useState(false)
  const when = formatMoment(recording.startedAt)
  const play = useAction(async () => setFilm((await api.linkRecording(roomId, recordingId)).url))
  const save = useAction(async () => download((await api.linkRecording(roomId, recordingId)).url))
  const remove = useAction(async () => {
    await api.deleteRecording(roomId, recordingId)
    onDeleted(recordingId)
  })
  return (
    <li className="flex flex-col gap-2 border-b border-border py-3 last:border-b-0">
      <div className="flex flex-wrap items-center gap-2">
        <div className="min-w-40 flex-1">
          <p className="font-medium">{when}</p>
          <p className="text-sm text-muted">
            {describeRecording(recording)}
            {status === 'ready' && ` · ${formatDuration(durationMs)} · ${formatSize(bytes)}`}
          </p>
        </div>
        {status === 'ready' && (
          <>
            <Button size="sm" busy={play.busy} aria-label={`Play ${when}`} onClick={() => void play.run()}>
              <Play aria-hidden /> Play
            </Button>
            <Button
              size="sm"
              busy={save.busy}
              aria-label={`Download ${when}`}
              onClick={() => void save.run()}
            >
              <Download aria-hidden /> Download
            </Button>
          </>
        )}
        {isFinished(recording) && !asking && (
          <Button variant="ghost" size="iconSm" aria-label={`Delete ${when}`} onClick={() => setAsking(true)}>
            <Trash2 aria-hidden />
          </Button>
        )}
      </div>
      {asking && (
        <div className="flex flex-wrap items-center gap-2 text-sm">
          <p className="min-w-40 flex-1">Delete this recording for good? Nobody can bring it back.</p>
          <Button size="sm" onClick={() => setAsking(false)}>
            Keep it
          </Button>
          <Button size="sm" variant="danger" busy={remove.busy} onClick={() => void remove.run()}>
            Delete recording
          </Button>
        </div>
      )}
      {film !== null && (
        <video src={film} controls autoPlay className="w-full rounded-md bg-black" aria-label={when} />
      )}
      <ErrorNotice error={play.error ?? save.error ?? remove.error} />
    </li>
  )
}

function formatMoment(moment: string): string {
  return new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' }).format(
    new Date(moment),
  )
}

/** The link itself is the key, so the browser can fetch it like any file, and go on after a break. */
function download(url: string): void {
  const link = document.createElement('a')
  link.href = `${url}?download`
  link.download = ''
  link.click()
}
