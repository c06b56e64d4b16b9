import { Lock } from 'lucide-react'
import { lazy } from 'react'
import { Later } from '@/ui/later'
import { Tooltip } from '@/ui/tooltip'
import { KnockCard } from './knock-card'
import { useModeration } from './use-moderation'

const ModerationDialogs = lazy(() =>
  import('./moderation-dialogs').then(({ ModerationDialogs: dialogs }) => ({ default: dialogs })),
)

/** What moderation shows over the call: who knocks, and the questions before a deed. */
export function CallModeration() {
  return (
    <>
      <KnockCard />
      <Later>
        <ModerationDialogs />
      </Later>
    </>
  )
}

/** Beside the name of the room: everyone sees that it is locked. */
export function LockMark() {
  const { state } = useModeration()
  if (!state.room.locked) return null
  return (
    <Tooltip label="Nobody new can come in" side="bottom">
      <button
        type="button"
        className="flex shrink-0 cursor-default items-center gap-1.5 rounded-sm bg-surface px-2 py-1 text-sm"
      >
        <Lock aria-hidden className="size-3.5" /> Locked
      </button>
    </Tooltip>
  )
}
