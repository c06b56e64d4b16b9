import { LayoutGrid, Lock, PanelTop } from 'lucide-react'
import { useEffect, useState } from 'react'
import { cn } from '@/lib/cn'
import { formatDuration } from '@/lib/time'
import { Button } from '@/ui/button'
import { Tooltip } from '@/ui/tooltip'
import { useCallServices, useCallState } from './call-context'
import { HIDDEN } from './hidden'
import type { Layout } from './layout'
import { shownMembers } from './members'
import { SHORTCUTS } from './shortcuts'
import { TopMarks } from './slots'

interface TopBarProps {
  /** The layout that is shown. */
  layout: Layout
  onLayout: () => void
  quiet: boolean
}

export function TopBar({ layout, onLayout, quiet }: TopBarProps) {
  const { call, room } = useCallServices()
  const { joinedAt, members: all } = useCallState(call)
  const members = shownMembers(all)
  const speaker = layout === 'speaker'
  const choosable = members.length > 1 || members.some(({ media }) => media.screen)
  return (
    <header
      className={cn(
        'flex h-14 shrink-0 items-center gap-3 px-4 transition-opacity focus-within:opacity-100 hover:opacity-100',
        quiet && HIDDEN,
      )}
    >
      <h1 className="min-w-0 truncate text-base font-semibold">{room.name || room.roomId}</h1>
      {joinedAt !== null && <CallTime since={joinedAt} />}
      <TopMarks />
      <div className="ml-auto flex items-center gap-1">
        <span className="hidden items-center gap-1.5 px-2 text-sm text-muted sm:flex">
          <Lock aria-hidden className="size-3.5" /> Encrypted
        </span>
        {choosable && (
          <Tooltip
            label={speaker ? 'Show everyone equally' : 'Show who speaks'}
            shortcut={SHORTCUTS.layout.shown}
            side="bottom"
          >
            <Button
              variant="ghost"
              size="icon"
              aria-label="Speaker layout"
              aria-pressed={speaker}
              aria-keyshortcuts={SHORTCUTS.layout.key}
              onClick={onLayout}
            >
              {speaker ? <LayoutGrid aria-hidden /> : <PanelTop aria-hidden />}
            </Button>
          </Tooltip>
        )}
      </div>
    </header>
  )
}

function CallTime({ since }: { since: number }) {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000)
    return () => clearInterval(timer)
  }, [])
  return (
    <span className="shrink-0 text-sm text-muted tabular-nums" role="timer" aria-label="Time in the call">
      {formatDuration(now - since)}
    </span>
  )
}
