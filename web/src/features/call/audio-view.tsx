import { useEffect, useRef } from 'react'

interface AudioViewProps {
  stream: MediaStream | null
  speakerId: string
  /** The browser wants a click before it plays sound. */
  onBlocked: () => void
}

/** Plays the sound of a stream, also while the page is in the background, on the chosen speaker. */
export function AudioView({ stream, speakerId, onBlocked }: AudioViewProps) {
  const audio = useRef<HTMLAudioElement>(null)
  const blocked = useRef(onBlocked)
  useEffect(() => {
    blocked.current = onBlocked
  })

  useEffect(() => {
    const element = audio.current
    if (!element || element.srcObject === stream) return
    element.srcObject = stream
    if (!stream) return
    element.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === 'NotAllowedError') blocked.current()
    })
  }, [stream])

  useEffect(() => {
    const element = audio.current
    if (!element || !('setSinkId' in element)) return
    void element.setSinkId(speakerId).catch(() => undefined)
  }, [speakerId])

  return <audio ref={audio} data-peer-sound autoPlay className="hidden" />
}

/** Play all that the browser held back: only works while it handles a click. */
export function playHeldSound(): void {
  for (const element of document.querySelectorAll<HTMLAudioElement>('audio[data-peer-sound]')) {
    void element.play().catch(() => undefined)
  }
}
