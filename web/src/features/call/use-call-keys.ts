import { useState } from 'react'
import { toggleMedia } from '@/features/prejoin/media-buttons'
import { recall, remember } from '@/lib/storage'
import type { CallServices } from './call-context'
import { toggleShare } from './share'
import { usePushToTalk } from './use-push-to-talk'
import type { usePanels } from './use-panels'
import { useShortcuts } from './use-shortcuts'

interface Actions {
  readonly onHand: () => void
  readonly onLayout: () => void
}

/** The keyboard of the call: single keys and push-to-talk, unless someone has switched them off. */
export function useCallKeys(
  { media }: Pick<CallServices, 'media'>,
  panels: ReturnType<typeof usePanels>,
  { onHand, onLayout }: Actions,
) {
  const [enabled, setEnabled] = useState(() => recall('shortcuts') !== 'off')
  const talking = usePushToTalk(media, enabled)
  useShortcuts(
    {
      microphone: () => toggleMedia(media, 'audio'),
      camera: () => toggleMedia(media, 'video'),
      ...(media.canShareScreen ? { share: () => void toggleShare(media) } : {}),
      hand: onHand,
      react: () => panels.setReactions(!panels.reactions),
      chat: () => panels.togglePanel('chat'),
      people: () => panels.togglePanel('people'),
      layout: onLayout,
      help: () => panels.setDialog('shortcuts'),
      close: () => (panels.reactions ? panels.setReactions(false) : panels.closePanel()),
    },
    enabled,
  )
  const choose = (on: boolean) => {
    setEnabled(on)
    remember('shortcuts', on ? 'on' : 'off')
  }
  return { enabled, setEnabled: choose, talking }
}
