import { useCallback, useLayoutEffect, useRef, useState } from 'react'

/** Run an async action once at a time and keep its failure for showing. */
export function useAction<Args extends unknown[]>(action: (...args: Args) => Promise<void>) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const running = useRef(false)
  const latest = useRef(action)
  useLayoutEffect(() => {
    latest.current = action
  })

  const run = useCallback(async (...args: Args) => {
    if (running.current) return
    running.current = true
    setBusy(true)
    setError(null)
    try {
      await latest.current(...args)
    } catch (failure) {
      setError(failure)
    } finally {
      running.current = false
      setBusy(false)
    }
  }, [])

  return { run, busy, error, clearError: useCallback(() => setError(null), []) }
}
