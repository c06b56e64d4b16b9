import { SmilePlus } from 'lucide-react'
import { useCallback, useRef } from 'react'
import type { Call } from '@/call/controller'
import { RoundButton } from '@/features/prejoin/media-buttons'
import { Popover } from '@/ui/popover'
import { toast } from '@/ui/toast'
import { REACTIONS, spendReaction, type Emoji } from './reactions'

/** Sends reactions, and says so when it is too many at once. */
export function useReact(call: Call): (emoji: Emoji) => void {
  const sentAt = useRef<readonly number[]>([])
  return useCallback(
    (emoji: Emoji) => {
      const spent = spendReaction(sentAt.current, Date.now())
      if (!spent) {
        toast('That was a lot at once. Wait a moment.', { forMs: 2_500 })
        return
      }
      sentAt.current = spent
      call.dispatch({ type: 'react', emoji })
    },
    [call],
  )
}

interface ReactionPickerProps {
  open: boolean
  onOpenChange: (open: boolean) => void
  onReact: (emoji: Emoji) => void
}

export function ReactionPicker({ open, onOpenChange, onReact }: ReactionPickerProps) {
  return (
    <Popover
      label="Reactions"
      side="top"
      className="p-1.5"
      open={open}
      onOpenChange={onOpenChange}
      trigger={
        <RoundButton
          aria-label="Reactions"
          aria-keyshortcuts="e"
          title="Reactions (E)"
          tone={open ? 'active' : 'plain'}
        >
          <SmilePlus aria-hidden />
        </RoundButton>
      }
    >
      <ReactionRow onReact={onReact} />
    </Popover>
  )
}

export function ReactionRow({ onReact }: { onReact: (emoji: Emoji) => void }) {
  return (
    <div role="group" aria-label="Send a reaction" className="grid grid-cols-4 gap-1 sm:grid-cols-8">
      {REACTIONS.map(({ emoji, name }) => (
        <button
          key={emoji}
          type="button"
          aria-label={name}
          title={name}
          onClick={() => onReact(emoji)}
          className="grid size-11 place-items-center rounded-sm font-emoji text-lg transition-colors hover:bg-surface-2"
        >
          {emoji}
        </button>
      ))}
    </div>
  )
}
