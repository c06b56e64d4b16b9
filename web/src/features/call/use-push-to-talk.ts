import { useEffect, useState } from 'react'
import type { LocalMedia } from '@/call/media'
import { SHORTCUTS } from './shortcuts'
import { isTaken } from './use-shortcuts'

/** Hold the space bar to talk while muted. Tells whether it is held; letting go in any way mutes again. */
export function usePushToTalk(media: LocalMedia, enabled: boolean): boolean {
  const [talking, setTalking] = useState(false)
  useEffect(() => {
    if (!enabled) return
    let held = false
    // A button reached by Tab keeps its space bar; one that was clicked has done its work.
    let byKeyboard = false

    const begin = () => {
      held = true
      setTalking(true)
      // A device that comes after the key was let go comes muted.
      void media.turnOn('audio')
    }
    const end = () => {
      if (!held) return
      held = false
      setTalking(false)
      media.turnOff('audio')
    }
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key === 'Tab') byKeyboard = true
      if (event.key !== SHORTCUTS.talk.key || isTaken(event) || (byKeyboard && isControl(event.target)))
        return
      if (!held && (event.repeat || media.snapshot().audio.on)) return
      // Before the button in focus hears of it and opens its menu.
      event.preventDefault()
      event.stopPropagation()
      if (!held) begin()
    }
    const onKeyUp = (event: KeyboardEvent) => {
      if (event.key !== SHORTCUTS.talk.key || !held) return
      // A button is pressed when the space bar comes up.
      event.preventDefault()
      event.stopPropagation()
      end()
    }
    const onPointerDown = () => (byKeyboard = false)
    const onHidden = () => document.hidden && end()
    window.addEventListener('keydown', onKeyDown, true)
    window.addEventListener('keyup', onKeyUp, true)
    window.addEventListener('pointerdown', onPointerDown)
    window.addEventListener('blur', end)
    document.addEventListener('visibilitychange', onHidden)
    return () => {
      end()
      window.removeEventListener('keydown', onKeyDown, true)
      window.removeEventListener('keyup', onKeyUp, true)
      window.removeEventListener('pointerdown', onPointerDown)
      window.removeEventListener('blur', end)
      document.removeEventListener('visibilitychange', onHidden)
    }
  }, [media, enabled])
  return talking
}

function isControl(target: EventTarget | null): boolean {
  return (
    target instanceof Element &&
    target.closest('button, a, summary, [role="button"], [role="switch"]') !== null
  )
}
