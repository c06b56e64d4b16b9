import { Circle } from 'lucide-react'
import type { Member } from '@/call/types'
import { Button } from '@/ui/button'
import { recordedBy } from './words'

interface RecordingBannerProps {
  members: readonly Member[]
  /** Given to those who may end the recording. */
  onStop?: (() => void) | undefined
}

/** Tells everyone, for as long as it is so, that the call is recorded, by whom, and what is kept. */
export function RecordingBanner({ members, onStop }: RecordingBannerProps) {
  const by = recordedBy(members)
  return (
    <div role="status" className="contents">
      {by !== null && (
        <div className="appear mx-3 mb-2 flex items-center gap-3 rounded-md border border-border bg-surface py-2 pr-2 pl-4 text-sm text-text">
          <Circle aria-hidden className="size-3 shrink-0 fill-danger text-danger" />
          <p className="min-w-0 flex-1 py-1">
            <span className="font-semibold">This call is being recorded by {by}.</span> Everyone’s voice,
            camera and shared screen are stored. If you do not agree, turn them off or leave.
          </p>
          {onStop && (
            <Button size="sm" onClick={onStop}>
              Stop recording
            </Button>
          )}
        </div>
      )}
    </div>
  )
}
