import { useCallback, useState } from 'react'

export type Panel = 'chat' | 'people'
export type CallDialog = 'devices' | 'shortcuts'

/** What is open beside or over the stage. */
export function usePanels() {
  const [panel, setPanel] = useState<Panel | null>(null)
  const [dialog, setDialog] = useState<CallDialog | null>(null)
  const [reactions, setReactions] = useState(false)
  const togglePanel = useCallback(
    (next: Panel) => setPanel((open) => (open === next ? null : next)),
    [setPanel],
  )
  const openChat = useCallback(() => setPanel('chat'), [setPanel])
  const closePanel = useCallback(() => setPanel(null), [setPanel])
  return {
    panel,
    dialog,
    reactions,
    isOpen: panel !== null || dialog !== null || reactions,
    togglePanel,
    openChat,
    closePanel,
    setDialog,
    setReactions,
  }
}
