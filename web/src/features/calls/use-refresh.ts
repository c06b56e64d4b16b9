import { useEffect } from 'react'

const EVERY_MS = 5_000

/** Load again every few seconds while something changes and someone looks. */
export function useRefresh(changing: boolean, load: () => Promise<void>): void {
  useEffect(() => {
    if (!changing) return undefined
    const refresh = () => document.visibilityState === 'visible' && void load()
    const timer = setInterval(refresh, EVERY_MS)
    document.addEventListener('visibilitychange', refresh)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', refresh)
    }
  }, [changing, load])
}
