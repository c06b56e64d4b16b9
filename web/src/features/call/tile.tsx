import { MicOff, TriangleAlert } from 'lucide-react'
import { useState } from 'react'
import type { Box } from '@/call/grid'
import type { Member } from '@/call/types'
import { useMediaSnapshot } from '@/features/prejoin/use-local-media'
import { cn } from '@/lib/cn'
import { Avatar } from '@/ui/avatar'
import { useCallServices, useSpeaking } from './call-context'
import { VideoView } from './video-view'

export const tileClasses =
  'absolute overflow-hidden rounded-lg bg-tile transition-[left,top,width,height,box-shadow]'

interface MemberTileProps {
  member: Member
  stream: MediaStream | null
  box: Box
  onBlocked: () => void
}

/** One other member: picture or initials, name, and how well they reach us. */
export function MemberTile({ member, stream, box, onBlocked }: MemberTileProps) {
  const { media, loudness } = useCallServices()
  const { speakerId } = useMediaSnapshot(media)
  const speaking = useSpeaking(loudness, member.id)
  const [hasFrames, setHasFrames] = useState(false)
  // Someone who never said what is on may still send a picture.
  const showsVideo = hasFrames && (member.media.video || !member.mediaKnown)
  const muted = member.mediaKnown && !member.media.audio
  return (
    <article
      data-testid={`tile-${member.id}`}
      data-link={member.link}
      aria-label={member.displayName}
      className={cn(tileClasses, speaking && !muted && 'shadow-[0_0_0_3px_var(--speaking)]')}
      style={box}
    >
      {!showsVideo && <TileAvatar name={member.displayName} box={box} />}
      <VideoView
        stream={stream}
        data-peer={member.id}
        speakerId={speakerId}
        onBlocked={onBlocked}
        aria-label={`Video of ${member.displayName}`}
        className={cn(!showsVideo && 'absolute inset-0 opacity-0')}
        onEmptied={() => setHasFrames(false)}
        onResize={(event) => setHasFrames(event.currentTarget.videoWidth > 2)}
      />
      <NameTag name={member.displayName} muted={muted} narrow={box.width < 180} />
      <LinkMark member={member} />
    </article>
  )
}

export function TileAvatar({ name, box, raised = false }: { name: string; box: Box; raised?: boolean }) {
  const size = Math.round(Math.min(box.width, box.height) * 0.42)
  const bounded = Math.max(36, Math.min(size, 144))
  return (
    <div className={cn('absolute inset-0 grid place-items-center', raised && 'bottom-72')}>
      <span className="grid" style={{ width: bounded, height: bounded, fontSize: bounded * 0.36 }}>
        <Avatar name={name} className="size-full" />
      </span>
    </div>
  )
}

export function NameTag({ name, muted, narrow = false }: { name: string; muted: boolean; narrow?: boolean }) {
  return (
    <div
      className={cn(
        'absolute flex max-w-[calc(100%-1rem)] items-center gap-1.5 rounded-sm bg-video-label text-on-video',
        narrow ? 'bottom-1.5 left-1.5 px-1.5 py-0.5 text-xs' : 'bottom-2.5 left-2.5 px-2.5 py-1 text-sm',
      )}
    >
      {muted && (
        <>
          <MicOff aria-hidden className="size-3.5 shrink-0" />
          <span className="sr-only">Muted:</span>
        </>
      )}
      <span className="truncate">{name}</span>
    </div>
  )
}

function LinkMark({ member }: { member: Member }) {
  if (member.link === 'connected') return null
  const lost = member.link === 'lost'
  return (
    <div
      role="status"
      className={cn(
        'absolute top-2.5 right-2.5 flex items-center gap-1.5 rounded-sm bg-video-label px-2 py-1 text-xs text-on-video',
        !lost && 'late',
      )}
    >
      {lost ? (
        <TriangleAlert aria-hidden className="size-3.5" />
      ) : (
        <span aria-hidden className="pulse size-2 rounded-full bg-on-video" />
      )}
      {lost ? 'Connection lost, trying again' : 'Connecting'}
    </div>
  )
}
