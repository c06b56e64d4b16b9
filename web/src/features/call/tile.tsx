import { useState } from 'react'
import type { Box } from '@/call/grid'
import type { Member } from '@/call/types'
import { useMediaSnapshot } from '@/features/prejoin/use-local-media'
import { cn } from '@/lib/cn'
import { AudioView } from './audio-view'
import { useCallServices, useSpeaking } from './call-context'
import { QualityMark } from './quality-mark'
import type { FloatingReaction } from './reactions'
import { LinkHint } from './tile-link'
import {
  FloatingReactions,
  HandMark,
  NameTag,
  NARROW,
  PinButton,
  TileAvatar,
  tileClasses,
} from './tile-parts'
import { VideoView } from './video-view'

interface MemberTileProps {
  member: Member
  stream: MediaStream | null
  box: Box
  /** Place in the queue of raised hands, from 1; 0 while the hand is down. */
  handPlace: number
  reactions: readonly FloatingReaction[]
  pinned: boolean
  /** Missing where nothing would change. */
  onPin: (() => void) | undefined
  onBlocked: () => void
}

/** One other member: picture or initials, name, and how well they reach us. */
export function MemberTile(props: MemberTileProps) {
  const { member, stream, box, handPlace, reactions, pinned, onPin, onBlocked } = props
  const { media, loudness } = useCallServices()
  const { speakerId } = useMediaSnapshot(media)
  const speaking = useSpeaking(loudness, member.id)
  const [hasFrames, setHasFrames] = useState(false)
  // Someone who never said what is on may still send a picture.
  const showsVideo = hasFrames && (member.media.video || !member.mediaKnown)
  const muted = member.mediaKnown && !member.media.audio
  const narrow = box.width < NARROW
  return (
    <article
      data-testid={`tile-${member.id}`}
      data-link={member.link}
      data-signal={member.signal}
      aria-label={member.displayName}
      className={cn(tileClasses, speaking && !muted && 'shadow-[0_0_0_3px_var(--speaking)]')}
      style={box}
    >
      {!showsVideo && <TileAvatar name={member.displayName} box={box} />}
      <VideoView
        stream={stream}
        data-peer={member.id}
        aria-label={`Video of ${member.displayName}`}
        className={cn(!showsVideo && 'absolute inset-0 opacity-0', member.link === 'lost' && 'brightness-50')}
        onEmptied={() => setHasFrames(false)}
        onResize={(event) => setHasFrames(event.currentTarget.videoWidth > 2)}
      />
      <AudioView stream={stream} speakerId={speakerId} onBlocked={onBlocked} />
      <LinkHint member={member} narrow={narrow} />
      {handPlace > 0 && <HandMark place={handPlace} narrow={narrow} />}
      <QualityMark member={member} narrow={narrow} />
      <NameTag name={member.displayName} muted={muted} narrow={narrow} />
      {onPin && <PinButton name={member.displayName} pinned={pinned} onPin={onPin} narrow={narrow} />}
      <FloatingReactions reactions={reactions} />
    </article>
  )
}
