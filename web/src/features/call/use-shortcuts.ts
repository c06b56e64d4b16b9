import { useEffect, useRef } from 'react'
import { SHORTCUTS, type ShortcutName } from './shortcuts'

export type Shortcuts = Readonly<Partial<Record<ShortcutName, () => void>>>

/** Single keys, while nothing is being typed and no dialog or menu is open. */
export function useShortcuts(shortcuts: Shortcuts, enabled: boolean): void {
  const latest = useRef(shortcuts)
  useEffect(() => {
    latest.current = shortcuts
  })
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.repeat || isTaken(event)) return
      const name = nameOf(event.key)
      const run = name && latest.current[name]
      // People for whom single keys get in the way still find the list where they can be switched on.
      if (!run || (!enabled && name !== 'help' && name !== 'close')) return
      event.preventDefault()
      run()
    }
    window.addEventListener('keydown', onKeyDown)
    return () => window.removeEventListener('keydown', onKeyDown)
  }, [enabled])
}

/** Whether the key belongs to something else: a shortcut of the browser, a field, a dialog, a menu. */
export function isTaken(event: KeyboardEvent): boolean {
  return (
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    event.isComposing ||
    isTyping(event.target) ||
    document.querySelector('[role="dialog"][data-modal], [role="menu"]') !== null
  )
}

function nameOf(key: string): ShortcutName | undefined {
  const lower = key.toLowerCase()
  return (Object.keys(SHORTCUTS) as ShortcutName[]).find((name) => SHORTCUTS[name].key === lower)
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof Element && target.closest('input, textarea, select, [contenteditable="true"]') !== null
  )
}
