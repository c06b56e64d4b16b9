import { DoorClosed, Hourglass, LogOut } from 'lucide-react'
import { useEffect, useRef } from 'react'
import type { Room } from '@/api/types'
import { Button } from '@/ui/button'

interface WaitingPanelProps {
  room: Pick<Room, 'roomId' | 'name'>
  displayName: string
  /** Whether someone is in the call who can open the door. */
  hostPresent: boolean
  reconnecting: boolean
  onLeave: () => void
}

/** In the lobby: someone inside has to open, and there is nothing to do but to be ready. */
export function WaitingPanel({ room, displayName, hostPresent, reconnecting, onLeave }: WaitingPanelProps) {
  const panel = useRef<HTMLElement>(null)
  // The form that had the focus is gone: reading goes on here.
  useEffect(() => panel.current?.focus({ preventScroll: true }), [])
  const Icon = hostPresent ? DoorClosed : Hourglass
  return (
    <section
      ref={panel}
      tabIndex={-1}
      aria-label="Lobby"
      className="flex flex-col gap-5 rounded-md outline-none"
    >
      <div>
        <p className="mb-1 text-sm text-muted wrap-anywhere">{room.name || `Room ${room.roomId}`}</p>
        <div role="status" className="flex flex-col gap-2">
          <h1 className="text-xl font-semibold text-balance">
            {hostPresent ? 'Waiting for someone to let you in' : 'The host is not here yet'}
          </h1>
          <p className="text-muted text-pretty">
            {reconnecting
              ? 'The connection to the server was lost. We are reconnecting; you may have to wait anew.'
              : hostPresent
                ? 'They know that you are here. You come in as soon as someone opens.'
                : 'You can wait here: they will see you as soon as they come.'}
          </p>
        </div>
      </div>
      <p className="flex items-center gap-3 rounded-md bg-surface-2 px-4 py-3 text-sm">
        <Icon aria-hidden className="size-4 shrink-0" />
        <span className="min-w-0 flex-1 wrap-anywhere">
          You knock as <span className="font-semibold">{displayName}</span>. Nobody sees or hears you yet.
        </span>
      </p>
      <Button size="lg" onClick={onLeave}>
        <LogOut aria-hidden /> Leave
      </Button>
    </section>
  )
}
