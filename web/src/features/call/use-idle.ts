import { useEffect, useState } from 'react'

const EVENTS = ['pointermove', 'pointerdown', 'keydown', 'focusin', 'wheel'] as const

/** Whether nothing has been moved, touched, typed or focused for a while. */
export function useIdle(afterMs: number, enabled: boolean): boolean {
  const [idle, setIdle] = useState(false)
  useEffect(() => {
    if (!enabled) return
    let timer: ReturnType<typeof setTimeout> | undefined
    const wake = () => {
      setIdle(false)
      clearTimeout(timer)
      timer = setTimeout(() => setIdle(true), afterMs)
    }
    wake()
    for (const event of EVENTS) window.addEventListener(event, wake, { passive: true })
    return () => {
      clearTimeout(timer)
      setIdle(false)
      for (const event of EVENTS) window.removeEventListener(event, wake)
    }
  }, [afterMs, enabled])
  return idle && enabled
}
