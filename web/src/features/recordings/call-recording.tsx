import { Circle, CircleStop } from 'lucide-react'
import { MenuItem } from '@/ui/menu'
import { RecordingBanner } from './recording-banner'
import { useRecorder } from './use-recorder'

/** For the "More" menu of a call: start or stop to record, for those who may. */
export function RecordingMenuItem() {
  const { may, recording, start, stop } = useRecorder()
  if (!may) return null
  return recording ? (
    <MenuItem icon={<CircleStop aria-hidden />} onSelect={stop}>
      Stop recording
    </MenuItem>
  ) : (
    <MenuItem icon={<Circle aria-hidden />} onSelect={start}>
      Record this call
    </MenuItem>
  )
}

/** Above the tiles of a call, while it is recorded. */
export function CallRecording() {
  const { members, may, stop } = useRecorder()
  return <RecordingBanner members={members} onStop={may ? stop : undefined} />
}
