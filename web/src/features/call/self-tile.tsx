import { useRef, useState, type KeyboardEvent, type PointerEvent } from 'react'
import type { Box } from '@/call/grid'
import { useMediaSnapshot } from '@/features/prejoin/use-local-media'
import { cn } from '@/lib/cn'
import { useCallServices } from './call-context'
import { SELF, type Corner, type Size } from './layout'
import type { FloatingReaction } from './reactions'
import { FloatingReactions, HandMark, NameTag, PinButton, TileAvatar, tileClasses } from './tile-parts'
import { useTrackStream } from './use-track-stream'
import { VideoView } from './video-view'

interface SelfTileProps {
  name: string
  box: Box
  /** Small over the other's picture: it can be moved out of the way. */
  floating: boolean
  /** Nobody else is here; the card with the link covers the lower part. */
  alone: boolean
  stage: Size
  onCorner: (corner: Corner) => void
  corner: Corner
  handPlace: number
  reactions: readonly FloatingReaction[]
  pinned: boolean
  onPin: (() => void) | undefined
}

/** The own picture, mirrored as in a mirror. */
export function SelfTile(props: SelfTileProps) {
  const { name, box, floating, alone, stage, corner, onCorner, handPlace, reactions, pinned, onPin } = props
  const { media } = useCallServices()
  const { audio, video } = useMediaSnapshot(media)
  const stream = useTrackStream(video.track)
  const drag = useDrag(box, stage, floating, onCorner)
  const narrow = box.width < 260
  return (
    <article
      data-testid={`tile-${SELF}`}
      aria-label={`${name} (you)`}
      className={cn(
        tileClasses,
        floating && 'z-10 cursor-grab touch-none shadow-lg ring-1 ring-border active:cursor-grabbing',
        drag.dragging && 'transition-none',
      )}
      style={{ ...box, ...drag.style }}
      {...(floating ? drag.handlers : {})}
    >
      {stream ? (
        <VideoView stream={stream} mirrored aria-label="Your camera" className="pointer-events-none" />
      ) : (
        <TileAvatar name={name} box={box} raised={alone} />
      )}
      {handPlace > 0 && <HandMark place={handPlace} narrow={narrow} />}
      <NameTag name="You" muted={!audio.on} narrow={narrow} />
      {onPin && <PinButton name="your picture" pinned={pinned} onPin={onPin} narrow={narrow} />}
      {floating && (
        <button
          type="button"
          onKeyDown={(event) => moveByKey(event, corner, onCorner)}
          className="absolute top-1 right-1 size-6 rounded-sm opacity-0 focus-visible:bg-video-label focus-visible:opacity-100"
          aria-label="Move your picture with the arrow keys"
        />
      )}
      <FloatingReactions reactions={reactions} />
    </article>
  )
}

function moveByKey(event: KeyboardEvent, corner: Corner, onCorner: (corner: Corner) => void): void {
  const moved: Partial<Record<string, Corner>> = {
    ArrowLeft: { ...corner, right: false },
    ArrowRight: { ...corner, right: true },
    ArrowUp: { ...corner, bottom: false },
    ArrowDown: { ...corner, bottom: true },
  }
  const next = moved[event.key]
  if (!next) return
  event.preventDefault()
  onCorner(next)
}

function useDrag(box: Box, stage: Size, enabled: boolean, onCorner: (corner: Corner) => void) {
  const [offset, setOffset] = useState<{ x: number; y: number } | null>(null)
  const start = useRef<{ x: number; y: number } | null>(null)
  const end = () => {
    if (start.current && offset) {
      onCorner({
        right: box.left + offset.x + box.width / 2 > stage.width / 2,
        bottom: box.top + offset.y + box.height / 2 > stage.height / 2,
      })
    }
    start.current = null
    setOffset(null)
  }
  return {
    dragging: offset !== null,
    style: enabled && offset ? { transform: `translate(${offset.x}px, ${offset.y}px)` } : {},
    handlers: {
      onPointerDown: (event: PointerEvent<HTMLElement>) => {
        start.current = { x: event.clientX, y: event.clientY }
        event.currentTarget.setPointerCapture(event.pointerId)
      },
      onPointerMove: (event: PointerEvent) => {
        if (!start.current) return
        setOffset({ x: event.clientX - start.current.x, y: event.clientY - start.current.y })
      },
      onPointerUp: end,
      onPointerCancel: end,
    },
  }
}
