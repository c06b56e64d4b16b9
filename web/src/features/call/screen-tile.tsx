import { Maximize, MonitorUp } from 'lucide-react'
import { useRef, useState } from 'react'
import type { Box } from '@/call/grid'
import { useMediaSnapshot } from '@/features/prejoin/use-local-media'
import { cn } from '@/lib/cn'
import { AudioView } from './audio-view'
import { useCallServices } from './call-context'
import { NameTag, NARROW, PinButton, tileClasses } from './tile-parts'
import { VideoView } from './video-view'

interface ScreenTileProps {
  name: string
  clientId: string
  stream: MediaStream | null
  box: Box
  pinned: boolean
  onPin: () => void
  onBlocked: () => void
}

/** Someone's shared screen, whole: nothing is cut off. */
export function ScreenTile({ name, clientId, stream, box, pinned, onPin, onBlocked }: ScreenTileProps) {
  const { media } = useCallServices()
  const { speakerId } = useMediaSnapshot(media)
  const tile = useRef<HTMLElement>(null)
  const [ratio, setRatio] = useState<number | null>(null)
  // A wide screen on an upright phone leaves bars above and below: what is said of it stands on it.
  const bars = ratio === null ? 0 : Math.max(0, (box.height - box.width / ratio) / 2)
  const narrow = box.width < NARROW
  const title = `Screen of ${name}`
  return (
    <article
      ref={tile}
      data-testid={`screen-${clientId}`}
      aria-label={title}
      className={cn(tileClasses, 'bg-stage')}
      style={box}
    >
      <VideoView
        stream={stream}
        aria-label={`Shared by ${name}`}
        className="object-contain"
        onResize={({ currentTarget: { videoWidth, videoHeight } }) =>
          setRatio(videoHeight > 0 ? videoWidth / videoHeight : null)
        }
      />
      <AudioView stream={stream} speakerId={speakerId} onBlocked={onBlocked} />
      <div className="pointer-events-none absolute inset-x-0" style={{ top: bars, bottom: bars }}>
        <NameTag name={title} muted={false} narrow={narrow} icon={<MonitorUp aria-hidden />} />
        <PinButton name={title} pinned={pinned} onPin={onPin} narrow={narrow} onTouch />
        {!narrow && document.fullscreenEnabled && (
          <button
            type="button"
            aria-label={`Fill your screen with that of ${name}`}
            title="Full screen"
            onClick={() => void toggleFullscreen(tile.current)}
            className="pointer-events-auto absolute right-13 bottom-2 grid size-9 place-items-center rounded-sm bg-video-label text-on-video opacity-0 transition-opacity group-hover/tile:opacity-100 focus-visible:opacity-100 pointer-coarse:opacity-100"
          >
            <Maximize aria-hidden className="size-4" />
          </button>
        )}
      </div>
    </article>
  )
}

async function toggleFullscreen(element: HTMLElement | null): Promise<void> {
  try {
    if (document.fullscreenElement) await document.exitFullscreen()
    else await element?.requestFullscreen()
  } catch {
    // The browser may refuse; the tile is as large as before.
  }
}
