import { Lock, LockOpen, PhoneOff, Settings2 } from 'lucide-react'
import { MenuItem, MenuSeparator } from '@/ui/menu'
import { ask } from './moderation-store'
import { ownsCall, runsCall } from './rights'
import { useModeration } from './use-moderation'

/** What those who run the call find in the "More" menu. */
export function ModerationItems() {
  const { room, state, command } = useModeration()
  const { locked } = state.room
  return (
    <>
      {runsCall(state.role) && (
        <MenuItem
          icon={locked ? <LockOpen aria-hidden /> : <Lock aria-hidden />}
          onSelect={() => command({ type: 'lock', locked: !locked })}
        >
          {locked ? 'Unlock the room' : 'Lock the room'}
        </MenuItem>
      )}
      {room.owner && (
        <MenuItem icon={<Settings2 aria-hidden />} onSelect={() => ask({ kind: 'settings' })}>
          Room settings
        </MenuItem>
      )}
    </>
  )
}

/** Apart from all others and last, where nobody hits it by mistake. */
export function EndCallItem() {
  const { state } = useModeration()
  if (!ownsCall(state.role)) return null
  return (
    <>
      <MenuSeparator />
      <MenuItem icon={<PhoneOff aria-hidden />} danger onSelect={() => ask({ kind: 'end' })}>
        End call for everyone…
      </MenuItem>
    </>
  )
}
