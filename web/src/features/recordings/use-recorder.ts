import { describeError } from '@/api/errors'
import { useServices, useUser } from '@/app/services'
import { useCallServices, useCallState } from '@/features/call/call-context'
import { useAction } from '@/lib/use-action'
import { toast } from '@/ui/toast'
import { recordedBy } from './words'

/** Start and end the recording of the call on the screen. `may`: this person's word counts. */
export function useRecorder() {
  const { api } = useServices()
  const { call, room } = useCallServices()
  const { members, role } = useCallState(call)
  const signedIn = useUser() !== null
  const start = useAction(() => telling(async () => void (await api.startRecording(room.roomId))))
  const stop = useAction(() =>
    telling(async () => {
      const running = (await api.listRecordings(room.roomId)).filter(
        ({ status }) => status === 'starting' || status === 'recording',
      )
      await Promise.all(running.map(({ recordingId }) => api.stopRecording(room.roomId, recordingId)))
      toast('Recording stopped. It will be among the recordings of this room in a moment.')
    }),
  )
  return {
    members,
    recording: recordedBy(members) !== null,
    may: signedIn && (role === 'host' || role === 'moderator'),
    start: () => void start.run(),
    stop: () => void stop.run(),
  }
}

/** The menu and the bar are gone by the time of a failure, so it is told in passing. */
async function telling(action: () => Promise<void>): Promise<void> {
  try {
    await action()
  } catch (error) {
    toast(describeError(error), { tone: 'error' })
  }
}
