import { Copy } from 'lucide-react'
import { useCallServices, useCallState } from '@/features/call/call-context'
import { copyCallId } from '@/features/rooms/copy-link'
import { MenuItem } from '@/ui/menu'

/** In the "More" menu of a call: what to name when one reports trouble. */
export function CallIdItem() {
  const { call } = useCallServices()
  const { callId } = useCallState(call)
  if (callId === null) return null
  return (
    <MenuItem icon={<Copy aria-hidden />} onSelect={() => void copyCallId(callId)}>
      Copy call ID
    </MenuItem>
  )
}
