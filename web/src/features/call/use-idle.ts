import { useEffect, useState } from 'react'

/** A tap is over by then: whatever it wakes under the finger must not be pressed by it. */
const TAP_MS = 350
const EVENTS = ['pointermove', 'pointerdown', 'keydown', 'focusin', 'wheel'] as const

/** Whether nothing has been moved, touched, typed or focused for a while. */
export function useIdle(afterMs: number, enabled: boolean): boolean {
  const [idle, setIdle] = useState(false)
  useEffect(() => {
    if (!enabled) return
    let timer: ReturnType<typeof setTimeout> | undefined
    let waking: ReturnType<typeof setTimeout> | undefined
    let asleep = false
    const sleep = () => {
      asleep = true
      setIdle(true)
    }
    const wake = () => {
      asleep = false
      setIdle(false)
      clearTimeout(timer)
      clearTimeout(waking)
      waking = undefined
      timer = setTimeout(sleep, afterMs)
    }
    const onEvent = (event: Event) => {
      if (asleep && isTouch(event)) waking ??= setTimeout(wake, TAP_MS)
      else wake()
    }
    wake()
    for (const event of EVENTS) window.addEventListener(event, onEvent, { passive: true })
    return () => {
      clearTimeout(timer)
      clearTimeout(waking)
      setIdle(false)
      for (const event of EVENTS) window.removeEventListener(event, onEvent)
    }
  }, [afterMs, enabled])
  return idle && enabled
}

function isTouch(event: Event): boolean {
  return 'pointerType' in event && event.pointerType === 'touch'
}
