import { useEffect, useRef, useState, type PointerEvent as ReactPointerEvent, type RefObject } from 'react'
import type { Stretch } from './scale'
import type { View } from './use-view'

/** What is shorter, in pixels, was a click. */
const SHORTEST_PX = 8

/**
 * Choose a stretch of the drawing by dragging across it.
 *
 * @param axis as wide as the drawing, and at its place.
 */
export function useStretchChoice(axis: RefObject<HTMLElement | null>, view: View) {
  const [band, setBand] = useState<Stretch | null>(null)
  const end = useRef<(() => void) | null>(null)
  useEffect(() => () => end.current?.(), [])

  const start = (event: ReactPointerEvent<HTMLElement>) => {
    // A finger scrolls the page, and the marks are buttons.
    const onButton = event.target instanceof Element && event.target.closest('button, [role=dialog]') !== null
    const box = axis.current?.getBoundingClientRect()
    if (!box || onButton || event.button !== 0 || event.pointerType === 'touch') return
    if (event.clientX < box.left - SHORTEST_PX) return
    // Else the words of the lanes would be marked on the way.
    event.preventDefault()
    const { from, to } = view.shown
    const momentAt = (x: number) => from + (clamp((x - box.left) / box.width) || 0) * (to - from)
    const begun = event.clientX
    let chosen: Stretch | null = null
    const move = ({ clientX }: PointerEvent) => {
      const far = Math.abs(clientX - begun) >= SHORTEST_PX
      const [one, other] = [momentAt(begun), momentAt(clientX)]
      chosen = far ? { from: Math.min(one, other), to: Math.max(one, other) } : null
      setBand(chosen)
    }
    const finish = () => {
      stop()
      if (chosen) view.choose(chosen)
    }
    const stop = () => {
      window.removeEventListener('pointermove', move)
      window.removeEventListener('pointerup', finish)
      window.removeEventListener('pointercancel', stop)
      end.current = null
      setBand(null)
    }
    window.addEventListener('pointermove', move)
    window.addEventListener('pointerup', finish)
    window.addEventListener('pointercancel', stop)
    end.current = stop
  }
  return { band, start }
}

function clamp(share: number): number {
  return Math.min(Math.max(share, 0), 1)
}
