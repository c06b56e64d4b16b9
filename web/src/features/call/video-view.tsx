import { useEffect, useRef, type ComponentProps } from 'react'
import { cn } from '@/lib/cn'

interface VideoViewProps extends Omit<ComponentProps<'video'>, 'ref'> {
  stream: MediaStream | null
  mirrored?: boolean
}

/** Shows the picture of a stream, without its sound, and not while nobody can see it. */
export function VideoView({ stream, mirrored, className, ...props }: VideoViewProps) {
  const video = useRef<HTMLVideoElement>(null)

  useEffect(() => {
    const element = video.current
    if (!element || element.srcObject === stream) return
    element.srcObject = stream
    if (stream) play(element)
  }, [stream])

  useEffect(() => {
    const follow = () => {
      const element = video.current
      if (!element?.srcObject) return
      if (document.hidden) element.pause()
      else play(element)
    }
    document.addEventListener('visibilitychange', follow)
    return () => document.removeEventListener('visibilitychange', follow)
  }, [])

  return (
    <video
      ref={video}
      autoPlay
      playsInline
      muted
      className={cn('size-full object-cover', mirrored && '-scale-x-100', className)}
      {...props}
    />
  )
}

/** A picture without sound may always play; what stops it is only a newer stream. */
function play(element: HTMLVideoElement): void {
  if (!document.hidden) void element.play().catch(() => undefined)
}
