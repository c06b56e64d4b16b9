import { lazy, Suspense, useEffect, useSyncExternalStore } from 'react'
import type { Command } from '@/call/types'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { toast } from '@/ui/toast'
import { closeQuestion, openQuestion, type Question } from './moderation-store'
import { useModeration } from './use-moderation'

const RoomSettingsDialog = lazy(() =>
  import('@/features/rooms/room-settings-dialog').then(({ RoomSettingsDialog: dialog }) => ({
    default: dialog,
  })),
)

interface Confirmation {
  readonly title: string
  readonly text: string
  readonly keep: string
  readonly go: string
  readonly command: Command
}

function confirmationOf(question: Exclude<Question, { kind: 'settings' }>): Confirmation {
  if (question.kind === 'end') {
    return {
      title: 'End the call for everyone?',
      text: 'Everyone leaves, also those who wait to come in. The room and its link stay.',
      keep: 'Go on',
      go: 'End call',
      command: { type: 'end' },
    }
  }
  const { id: clientId, displayName, role } = question.member
  switch (question.kind) {
    case 'remove':
      return {
        title: `Remove ${displayName} from the call?`,
        text: 'They may come back. To keep them out, ban them or lock the room.',
        keep: 'Cancel',
        go: 'Remove',
        command: { type: 'remove', clientId },
      }
    case 'ban':
      return {
        title: `Ban ${displayName} from this room?`,
        text:
          role === 'guest'
            ? 'They leave now and cannot come back with this browser. The owner of the room can lift the ban in its settings.'
            : 'They leave now and cannot come back with their account. The owner of the room can lift the ban in its settings.',
        keep: 'Cancel',
        go: 'Ban',
        command: { type: 'ban', clientId },
      }
    case 'handOver':
      return {
        title: `Make ${displayName} the host?`,
        text: 'They run the call from now on and can end it for everyone. You become a moderator.',
        keep: 'Cancel',
        go: 'Make host',
        command: { type: 'role', clientId, role: 'host' },
      }
  }
}

/** The questions that hosts and moderators are asked before something happens that others feel. */
export function ModerationDialogs() {
  const { room, state, command } = useModeration()
  const question = useSyncExternalStore(openQuestion.subscribe, openQuestion.get)
  useEffect(() => closeQuestion, [])
  if (question?.kind === 'settings') {
    return (
      <Suspense fallback={null}>
        <RoomSettingsDialog roomId={room.roomId} onClose={closeQuestion} onChanged={() => toast('Saved.')} />
      </Suspense>
    )
  }
  const target = question && 'member' in question ? question.member : null
  const gone = target !== null && !state.members.some(({ id }) => id === target.id)
  if (question === null || gone) return null
  const { title, text, keep, go, command: order } = confirmationOf(question)
  return (
    <Dialog open onOpenChange={(open) => !open && closeQuestion()} title={title} description={text}>
      <div className="flex justify-end gap-2">
        <Button onClick={closeQuestion}>{keep}</Button>
        <Button
          variant={question.kind === 'handOver' ? 'primary' : 'danger'}
          onClick={() => {
            command(order)
            closeQuestion()
          }}
        >
          {go}
        </Button>
      </div>
    </Dialog>
  )
}
