import { MonitorUp, MonitorX } from 'lucide-react'
import type { LocalMedia, MediaFault } from '@/call/media'
import { RoundButton } from '@/features/prejoin/media-buttons'
import { useMediaSnapshot } from '@/features/prejoin/use-local-media'
import { Button } from '@/ui/button'
import { toast } from '@/ui/toast'
import { Tooltip } from '@/ui/tooltip'
import { Bar } from './call-bars'
import { useCallServices } from './call-context'
import { SHORTCUTS } from './shortcuts'

export async function toggleShare(media: LocalMedia): Promise<void> {
  const { on, pending } = media.snapshot().screen
  if (pending) return
  if (on) {
    media.stopScreen()
    return
  }
  await media.startScreen()
  const { fault } = media.snapshot().screen
  if (fault) toast(describeShareFault(fault), { tone: 'error' })
}

function describeShareFault(fault: MediaFault): string {
  return fault === 'insecure'
    ? 'Browsers let one share a screen only on secure pages. Open Chatter at its https address.'
    : 'The screen could not be shared. Your system may not allow it for this browser.'
}

export function ShareButton() {
  const { media } = useCallServices()
  const { on, pending } = useMediaSnapshot(media).screen
  return (
    <Tooltip label={on ? 'Stop sharing' : 'Share your screen'} shortcut={SHORTCUTS.share.shown}>
      <RoundButton
        tone={on ? 'active' : 'plain'}
        aria-label="Share screen"
        aria-pressed={on}
        aria-busy={pending || undefined}
        aria-keyshortcuts={SHORTCUTS.share.key}
        onClick={() => void toggleShare(media)}
      >
        {on ? <MonitorX aria-hidden /> : <MonitorUp aria-hidden />}
      </RoundButton>
    </Tooltip>
  )
}

/** The own screen is not shown here: it would be a hall of mirrors. */
export function SharingBar() {
  const { media } = useCallServices()
  const { on } = useMediaSnapshot(media).screen
  return (
    <div role="status" className="contents">
      {on && (
        <Bar icon={<MonitorUp aria-hidden className="size-4 shrink-0" />}>
          <span className="min-w-0 flex-1">You are sharing your screen.</span>
          <Button size="sm" variant="primary" onClick={() => media.stopScreen()}>
            Stop sharing
          </Button>
        </Bar>
      )}
    </div>
  )
}
