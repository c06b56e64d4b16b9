import { CircleAlert, Mic, MicOff, Volume2, WifiOff } from 'lucide-react'
import type { ReactNode } from 'react'
import type { MediaFault } from '@/call/media'
import { describeFault, summarizeFaults } from '@/features/prejoin/media-fault'
import { useMediaSnapshot } from '@/features/prejoin/use-local-media'
import { cn } from '@/lib/cn'
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
              : 'Connection to the server lost. We are reconnecting; picture and sound go on if they can.'}
          </span>
          <Button size="sm" onClick={() => call.dispatch({ type: 'probe' })}>
            Try now
          </Button>
        </Bar>
      )}
    </div>
  )
}

/** While the space bar is held: whether one is heard. */
export function TalkingBar({ talking }: { talking: boolean }) {
  const { media } = useCallServices()
  const { on, pending, fault } = useMediaSnapshot(media).audio
  const Icon = on ? Mic : MicOff
  return (
    <div
      role="status"
      className="pointer-events-none absolute inset-x-0 bottom-full z-20 mb-3 flex justify-center"
    >
      {talking && (
        <p
          className={cn(
            'appear flex items-center gap-2 rounded-full px-4 py-2 text-sm font-semibold shadow-lg',
            on ? 'bg-accent text-on-accent' : 'border border-border bg-surface text-text',
          )}
        >
          <Icon aria-hidden className="size-4" /> {describeTalking(on, pending, fault)}
        </p>
      )}
    </div>
  )
}

function describeTalking(on: boolean, pending: boolean, fault: MediaFault | null): string {
  if (on) return 'You are on while you hold the space bar'
  if (pending) return 'Opening the microphone…'
  return fault ? describeFault(fault, 'your microphone').title : 'Your microphone is off'
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

export function Bar({ icon, role, children }: { icon: ReactNode; role?: string; children: ReactNode }) {
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
