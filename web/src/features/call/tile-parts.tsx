/** What stands on tiles. */
import { Hand, MicOff, Pin, PinOff } from 'lucide-react'
import type { ReactNode } from 'react'
import type { Box } from '@/call/grid'
import { cn } from '@/lib/cn'
import { Avatar } from '@/ui/avatar'
import type { FloatingReaction } from './reactions'

export const tileClasses =
  'group/tile absolute overflow-hidden rounded-lg bg-tile transition-[left,top,width,height,box-shadow]'
/** Below this width marks are small and words are left out. */
export const NARROW = 200
/** Below this height the name would cover the initials. */
const LOW = 150

const markClasses = 'flex items-center gap-1.5 rounded-sm bg-video-label text-on-video'

export function TileAvatar({ name, box, raised = false }: { name: string; box: Box; raised?: boolean }) {
  const size = Math.round(Math.min(box.width, box.height) * 0.42)
  const bounded = Math.max(28, Math.min(size, 144))
  return (
    <div
      className={cn(
        'absolute inset-0 grid place-items-center',
        raised ? 'bottom-72' : box.height < LOW && 'bottom-6',
      )}
    >
      <span className="grid" style={{ width: bounded, height: bounded, fontSize: bounded * 0.36 }}>
        <Avatar name={name} className="size-full" />
      </span>
    </div>
  )
}

interface NameTagProps {
  name: string
  muted: boolean
  narrow?: boolean
  icon?: ReactNode
}

export function NameTag({ name, muted, narrow = false, icon }: NameTagProps) {
  return (
    <div
      className={cn(
        markClasses,
        'absolute max-w-[calc(100%-1rem)] [&_svg]:size-3.5 [&_svg]:shrink-0',
        narrow ? 'bottom-1.5 left-1.5 px-1.5 py-0.5 text-xs' : 'bottom-2.5 left-2.5 px-2.5 py-1 text-sm',
      )}
    >
      {icon}
      {muted && (
        <>
          <MicOff aria-hidden />
          <span className="sr-only">Muted:</span>
        </>
      )}
      <span className="truncate">{name}</span>
    </div>
  )
}

/** A raised hand, with its place in the queue. */
export function HandMark({ place, narrow }: { place: number; narrow: boolean }) {
  return (
    <div
      className={cn(
        'absolute flex items-center gap-1 rounded-sm bg-accent font-semibold text-on-accent',
        narrow ? 'top-1.5 left-1.5 px-1 py-0.5 text-xs' : 'top-2.5 left-2.5 px-2 py-1 text-sm',
      )}
    >
      <Hand aria-hidden className="size-3.5" />
      <span className="sr-only">Hand raised, number</span> {place}
    </div>
  )
}

interface PinButtonProps {
  name: string
  pinned: boolean
  onPin: () => void
  narrow: boolean
  /** Fingers do not hover: it is there without. */
  onTouch?: boolean
}

/** Comes with the pointer or focus, and stays where something is pinned. */
export function PinButton({ name, pinned, onPin, narrow, onTouch = false }: PinButtonProps) {
  const Icon = pinned ? PinOff : Pin
  return (
    <button
      type="button"
      aria-label={`Pin ${name}`}
      aria-pressed={pinned}
      title={pinned ? 'Unpin' : 'Keep this one large'}
      onClick={onPin}
      className={cn(
        markClasses,
        'absolute grid place-items-center transition-opacity group-hover/tile:opacity-100 focus-visible:opacity-100',
        narrow ? 'right-1 bottom-1 size-7' : 'right-2 bottom-2 size-9',
        pinned ? 'opacity-100' : 'opacity-0',
        onTouch && 'pointer-events-auto pointer-coarse:opacity-100',
      )}
    >
      <Icon aria-hidden className="size-4" />
    </button>
  )
}

/** Float over the tile for a moment; read out elsewhere. */
export function FloatingReactions({ reactions }: { reactions: readonly FloatingReaction[] }) {
  return (
    <div aria-hidden className="pointer-events-none absolute inset-0">
      {reactions.map(({ id, emoji }) => (
        <span
          key={id}
          className="float-up absolute bottom-10 font-emoji text-xl"
          style={{ left: `${12 + ((id * 37) % 70)}%` }}
        >
          {emoji}
        </span>
      ))}
    </div>
  )
}
