import { useEffect, useRef } from 'react'
import { createLevelMeter } from '@/call/level'

const EVERY_MS = 80

/** Shows that the microphone hears something, without drawing React into every change. */
export function LevelRing({ track }: { track: MediaStreamTrack | null }) {
  const ring = useRef<HTMLSpanElement>(null)
  useEffect(() => {
    if (!track || !('AudioContext' in window)) return
    const meter = createLevelMeter(track)
    const timer = setInterval(() => {
      const element = ring.current
      if (!element) return
      const level = track.enabled ? meter.read() : 0
      element.style.opacity = String(Math.min(1, level * 1.6))
      element.style.transform = `scale(${1 + level * 0.12})`
    }, EVERY_MS)
    return () => {
      clearInterval(timer)
      meter.close()
    }
  }, [track])
  return (
    <span
      ref={ring}
      aria-hidden
      className="pointer-events-none absolute -inset-0.5 rounded-full border-2 border-speaking opacity-0"
    />
  )
}
