import { CircleAlert, Volume2, WifiOff } from 'lucide-react'
import type { ReactNode } from 'react'
import { summarizeFaults } from '@/features/prejoin/media-fault'
import { useMediaSnapshot } from '@/features/prejoin/use-local-media'
import { Button } from '@/ui/button'
import { useCallServices, useCallState } from './call-context'

/** A lost connection: quiet, above the tiles, which stay. */
export function ReconnectingBar() {
  const { call } = useCallServices()
  const { reconnecting, attempt } = useCallState(call)
  return (
    <div role="status" className="contents">
      {reconnecting && (
        <Bar icon={<WifiOff aria-hidden className="size-4 shrink-0" />}>
          <span className="min-w-0 flex-1">
            {attempt > 3
              ? 'Still no connection to the server. We keep trying.'
              : 'Connection to the server lost. We are reconnecting.'}
          </span>
          <Button size="sm" onClick={() => call.dispatch({ type: 'networkChanged' })}>
            Try now
          </Button>
        </Bar>
      )}
    </div>
  )
}

/** Browsers hold sound back until someone has clicked. */
export function SoundBar({ onPlay }: { onPlay: () => void }) {
  return (
    <Bar icon={<Volume2 aria-hidden className="size-4 shrink-0" />} role="alert">
      <span className="min-w-0 flex-1">Your browser holds the sound back.</span>
      <Button size="sm" variant="primary" onClick={onPlay}>
        Turn sound on
      </Button>
    </Bar>
  )
}

/** A device that was lost or refused during the call. */
export function DeviceBar({ onDevices, onDismiss }: { onDevices: () => void; onDismiss: () => void }) {
  const { media } = useCallServices()
  const fault = summarizeFaults(useMediaSnapshot(media))
  if (!fault) return null
  return (
    <Bar icon={<CircleAlert aria-hidden className="size-4 shrink-0" />} role="alert">
      <span className="min-w-0 flex-1">
        <span className="font-semibold">{fault.title}.</span> {fault.help}
      </span>
      <Button size="sm" onClick={onDevices}>
        Devices
      </Button>
      <Button size="sm" variant="ghost" onClick={onDismiss}>
        Hide
      </Button>
    </Bar>
  )
}

function Bar({ icon, role, children }: { icon: ReactNode; role?: string; children: ReactNode }) {
  return (
    <div
      role={role}
      className="appear mx-3 mb-2 flex items-center gap-3 rounded-md border border-border bg-surface py-2 pr-2 pl-4 text-sm text-text"
    >
      {icon}
      {children}
    </div>
  )
}
