import { Lock } from 'lucide-react'
import { useEffect } from 'react'
import type { Knocker } from '@/protocol/messages'
import { Avatar } from '@/ui/avatar'
import { Button } from '@/ui/button'
import { showLobby } from './moderation-store'
import { runsCall } from './rights'
import { useModeration } from './use-moderation'

/** On top of the people panel: whether the room is locked, and who waits at its door. */
export function DoorList() {
  const { state, command } = useModeration()
  const runs = runsCall(state.role)
  const waiting = runs ? state.lobby : []
  useEffect(showLobby, [])
  return (
    <>
      {state.room.locked && (
        <div className="flex items-center gap-3 border-b border-border px-4 py-3 text-sm">
          <Lock aria-hidden className="size-4 shrink-0" />
          <p className="min-w-0 flex-1">The room is locked. Nobody new can come in.</p>
          {runs && (
            <Button size="sm" onClick={() => command({ type: 'lock', locked: false })}>
              Unlock
            </Button>
          )}
        </div>
      )}
      {waiting.length > 0 && (
        <section aria-labelledby="lobby-title" className="border-b border-border pt-3 pb-2">
          <div className="flex min-h-9 items-center gap-3 px-4">
            <h3 id="lobby-title" className="min-w-0 flex-1 text-sm font-semibold">
              Waiting to come in ({waiting.length})
            </h3>
            {waiting.length > 1 && (
              <Button
                size="sm"
                onClick={() => waiting.forEach(({ id }) => command({ type: 'admit', clientId: id }))}
              >
                Admit all
              </Button>
            )}
          </div>
          <ul className="max-h-[40vh] overflow-y-auto">
            {waiting.map((knocker) => (
              <KnockerRow
                key={knocker.id}
                knocker={knocker}
                onAdmit={() => command({ type: 'admit', clientId: knocker.id })}
                onDeny={() => command({ type: 'deny', clientId: knocker.id })}
              />
            ))}
          </ul>
        </section>
      )}
    </>
  )
}

interface KnockerRowProps {
  knocker: Knocker
  onAdmit: () => void
  onDeny: () => void
}

function KnockerRow({ knocker: { displayName }, onAdmit, onDeny }: KnockerRowProps) {
  return (
    <li className="flex min-h-14 items-center gap-3 px-4 py-2">
      <Avatar name={displayName} className="size-9 text-sm" />
      <p className="min-w-0 flex-1 truncate font-medium">{displayName}</p>
      <Button variant="ghost" size="sm" aria-label={`Deny ${displayName}`} onClick={onDeny}>
        Deny
      </Button>
      <Button variant="primary" size="sm" aria-label={`Admit ${displayName}`} onClick={onAdmit}>
        Admit
      </Button>
    </li>
  )
}
