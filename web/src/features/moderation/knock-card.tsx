import { DoorOpen, X } from 'lucide-react'
import { useState, useSyncExternalStore } from 'react'
import { createPortal } from 'react-dom'
import type { Knocker } from '@/protocol/messages'
import { Button } from '@/ui/button'
import { sheetTop } from '@/ui/sheet-top'
import { describeKnock } from './knock-words'
import { lobbyInView } from './moderation-store'
import { runsCall } from './rights'
import { useModeration } from './use-moderation'

/** Someone knocks: said without a sound, and it stays until it is answered, hidden or seen in the list of people. */
export function KnockCard() {
  const { state, command } = useModeration()
  const waiting = runsCall(state.role) ? state.lobby : NOBODY
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  const listed = useSyncExternalStore(lobbyInView.subscribe, lobbyInView.get)
  const shown = !listed && waiting.some(({ id }) => !hidden.has(id))
  const over = useSyncExternalStore(sheetTop.subscribe, sheetTop.get)
  const first = waiting[0]
  const words = describeKnock(waiting)

  const answer = (type: 'admit' | 'deny', knockers: readonly Knocker[]) => {
    // The last answer takes the card away: go on where the call is. A sheet keeps the focus itself.
    if (!over && knockers.length === waiting.length)
      document.getElementById('main')?.focus({ preventScroll: true })
    for (const { id } of knockers) command({ type, clientId: id })
  }

  const card = (
    <>
      <p role="status" className="sr-only">
        {words}
      </p>
      {shown && first && (
        <section
          aria-label="Waiting to come in"
          className="appear fixed inset-x-3 top-[calc(3.75rem+env(safe-area-inset-top))] z-30 flex items-start gap-3 rounded-lg border border-border bg-surface p-4 shadow-lg sm:right-auto sm:left-4 sm:w-96"
        >
          <DoorOpen aria-hidden className="mt-0.5 size-5 shrink-0 text-accent" />
          <div className="min-w-0 flex-1">
            <p className="font-medium wrap-anywhere">{words}</p>
            <div className="mt-3 flex flex-wrap gap-2">
              <Button size="sm" variant="primary" onClick={() => answer('admit', [first])}>
                {waiting.length > 1 ? (
                  <span className="max-w-36 truncate">Admit {first.displayName}</span>
                ) : (
                  'Admit'
                )}
              </Button>
              {waiting.length > 1 && (
                <Button size="sm" onClick={() => answer('admit', waiting)}>
                  Admit all {waiting.length}
                </Button>
              )}
              <Button size="sm" variant="ghost" onClick={() => answer('deny', [first])}>
                Deny
              </Button>
            </div>
          </div>
          <Button
            variant="ghost"
            size="iconSm"
            className="-mt-1.5 -mr-1.5"
            aria-label="Decide later; they stay in the list of people"
            onClick={() => setHidden(new Set(waiting.map(({ id }) => id)))}
          >
            <X aria-hidden />
          </Button>
        </section>
      )}
    </>
  )
  return over ? createPortal(card, over) : card
}

const NOBODY: readonly Knocker[] = []
