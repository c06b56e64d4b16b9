import { CircleAlert } from 'lucide-react'
import type { LocalMedia } from '@/call/media'
import { LevelRing } from '@/features/call/level-ring'
import { useTrackStream } from '@/features/call/use-track-stream'
import { VideoView } from '@/features/call/video-view'
import { Avatar } from '@/ui/avatar'
import { Button } from '@/ui/button'
import { Notice } from '@/ui/notice'
import { MediaButton } from './media-buttons'
import { summarizeFaults } from './media-fault'
import { useMediaSnapshot } from './use-local-media'

/** How one will be seen, with the two switches in reach. */
export function Preview({ media, name }: { media: LocalMedia; name: string }) {
  const snapshot = useMediaSnapshot(media)
  const { audio, video } = snapshot
  const stream = useTrackStream(video.track)
  const asking = audio.pending || video.pending
  const fault = summarizeFaults(snapshot)
  return (
    <div className="flex flex-col gap-3">
      <div className="relative grid aspect-video place-items-center overflow-hidden rounded-lg bg-tile">
        {stream ? (
          <VideoView stream={stream} mirrored muted aria-label="Your camera" className="absolute inset-0" />
        ) : (
          <div className="flex flex-col items-center gap-2 pb-16 text-center sm:gap-3">
            <Avatar name={name} className="size-14 text-lg sm:size-24 sm:text-xl" />
            <p role="status" className="px-6 text-sm text-text">
              {asking
                ? 'Your browser may ask for your camera and microphone. Choose “Allow”.'
                : video.fault
                  ? 'No picture'
                  : 'Your camera is off'}
            </p>
          </div>
        )}
        <div className="absolute inset-x-0 bottom-4 flex justify-center gap-3">
          <MediaButton media={media} kind="audio">
            {audio.on && <LevelRing track={audio.track} />}
          </MediaButton>
          <MediaButton media={media} kind="video" />
        </div>
      </div>
      {fault && !asking && (
        <Notice tone="error" role="alert" icon={<CircleAlert aria-hidden />}>
          <p className="font-semibold">{fault.title}</p>
          <p className="mt-0.5">{fault.help}</p>
          <p className="mt-0.5">You can join all the same: you will see and hear the others.</p>
          <Button
            size="sm"
            className="mt-3"
            onClick={() => void media.start({ audio: audio.fault !== null, video: video.fault !== null })}
          >
            Try again
          </Button>
        </Notice>
      )}
    </div>
  )
}
