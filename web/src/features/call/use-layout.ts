import { useCallback, useState } from 'react'
import { recall, remember } from '@/lib/storage'
import type { Layout } from './layout'

interface LayoutChoice {
  /** What the viewer likes; kept for the next call. */
  readonly layout: Layout
  /** Someone shares a screen, and the viewer wants the grid all the same. */
  readonly gridForScreens: boolean
  readonly pinned: string | null
  /** The layout that is on the stage. */
  readonly shown: Layout
  readonly toggle: () => void
  readonly pin: (key: string) => void
}

/** Grid or speaker, what is pinned, and how a shared screen goes before both. `keys`: what can be pinned. */
export function useLayout(keys: readonly string[], screens: number): LayoutChoice {
  const [layout, setLayout] = useState<Layout>(() => (recall('layout') === 'speaker' ? 'speaker' : 'grid'))
  const [gridForScreens, setGridForScreens] = useState(false)
  const [pinned, setPinned] = useState<string | null>(null)
  // The wish holds for this share, not for the next one; a pin for as long as there is something to pin.
  if (screens === 0 && gridForScreens) setGridForScreens(false)
  if (pinned !== null && !keys.includes(pinned)) setPinned(null)
  const focused = pinned !== null || (screens > 0 ? !gridForScreens : layout === 'speaker')
  const shown: Layout = focused ? 'speaker' : 'grid'

  const toggle = useCallback(() => {
    setPinned(null)
    if (screens > 0) {
      setGridForScreens(focused)
      return
    }
    const next: Layout = focused ? 'grid' : 'speaker'
    setLayout(next)
    remember('layout', next)
  }, [focused, screens])
  const pin = useCallback((key: string) => setPinned((before) => (before === key ? null : key)), [])
  return { layout, gridForScreens, pinned, shown, toggle, pin }
}
