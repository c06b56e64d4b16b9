/** Dark, light or as the system has it. public/theme.js applies the choice before the first paint. */
import { useSyncExternalStore } from 'react'
import { createStore } from '@/lib/store'
import { forget, recall, remember } from '@/lib/storage'

export type Theme = 'system' | 'light' | 'dark'

const GROUND = { light: '#f7f7f5', dark: '#101211' }

const theme = createStore<Theme>(toTheme(recall('theme')))

function toTheme(text: string): Theme {
  return text === 'light' || text === 'dark' ? text : 'system'
}

export function setTheme(next: Theme): void {
  theme.set(next)
  if (next === 'system') forget('theme')
  else remember('theme', next)
  applyTheme()
}

export function applyTheme(): void {
  const chosen = theme.get()
  if (chosen === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = chosen
  for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) {
    const own = meta.media.includes('dark') ? 'dark' : 'light'
    meta.content = GROUND[chosen === 'system' ? own : chosen]
  }
}

export function useTheme(): Theme {
  return useSyncExternalStore(theme.subscribe, theme.get)
}
