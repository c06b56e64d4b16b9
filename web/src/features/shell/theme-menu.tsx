import { Monitor, Moon, Sun } from 'lucide-react'
import { setTheme, useTheme, type Theme } from '@/app/theme'
import { MenuChoice } from '@/ui/menu'

const OPTIONS = [
  { value: 'system', label: 'As the system', icon: <Monitor aria-hidden /> },
  { value: 'light', label: 'Light', icon: <Sun aria-hidden /> },
  { value: 'dark', label: 'Dark', icon: <Moon aria-hidden /> },
] as const

export function ThemeChoice() {
  const theme = useTheme()
  return <MenuChoice value={theme} onChange={(value) => setTheme(value as Theme)} options={OPTIONS} />
}
