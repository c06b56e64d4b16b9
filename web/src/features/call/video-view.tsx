import { useEffect, useRef, type ComponentProps } from 'react'
import { cn } from '@/lib/cn'

interface VideoViewProps extends Omit<ComponentProps<'video'>, 'ref'> {
  stream: MediaStream | null
  mirrored?: boolean
  speakerId?: string
  /** The browser wants a click before it plays sound. */
  onBlocked?: () => void
}

/** Plays a stream, and keeps playing it when its tracks change. */
export function VideoView({ stream, mirrored, speakerId, onBlocked, className, ...props }: VideoViewProps) {
  const video = useRef<HTMLVideoElement>(null)
  const blocked = useRef(onBlocked)
  useEffect(() => {
    blocked.current = onBlocked
  })

  useEffect(() => {
    const element = video.current
    if (!element || element.srcObject === stream) return
    element.srcObject = stream
    if (!stream) return
    element.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === 'NotAllowedError') blocked.current?.()
    })
  }, [stream])

  useEffect(() => {
    const element = video.current
    if (!element || speakerId === undefined || !('setSinkId' in element)) return
    void element.setSinkId(speakerId).catch(() => undefined)
  }, [speakerId])

  return (
    <video
      ref={video}
      autoPlay
      playsInline
      className={cn('size-full object-cover', mirrored && '-scale-x-100', className)}
      {...props}
    />
  )
}
