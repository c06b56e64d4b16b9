import { useEffect, useState } from 'react'
import type { AuditEntry } from '@/api/types'
import { useServices } from '@/app/services'
import { ErrorNotice } from '@/features/shell/error-notice'
import { useAction } from '@/lib/use-action'
import { Button } from '@/ui/button'
import { Skeleton } from '@/ui/skeleton'
import { describeDeed } from './audit-words'

/** Who did what in this room, newest first. */
export function AuditLog({ roomId }: { roomId: string }) {
  const { api } = useServices()
  const [entries, setEntries] = useState<readonly AuditEntry[] | null>(null)
  const [next, setNext] = useState<string | null>(null)
  const { run, busy, error } = useAction(async (before: string | null) => {
    const page = await api.readAudit(roomId, before)
    setEntries((all) => (before === null ? page.entries : [...(all ?? []), ...page.entries]))
    setNext(page.next)
  })
  useEffect(() => void run(null), [run])
  return (
    <div className="flex flex-col items-start gap-3">
      <p className="text-sm text-muted">What you and your moderators did here.</p>
      {entries === null ? (
        error === null && <Skeleton className="h-24 w-full" />
      ) : entries.length === 0 ? (
        <p>Nothing yet.</p>
      ) : (
        <ol aria-label="Log" className="flex w-full flex-col">
          {entries.map((entry) => (
            <LogRow key={entry.id} entry={entry} />
          ))}
        </ol>
      )}
      <ErrorNotice error={error} />
      {(next !== null || (error !== null && entries === null)) && (
        <Button size="sm" busy={busy} onClick={() => void run(next)}>
          {busy ? 'Loading…' : entries === null ? 'Try again' : 'Show older'}
        </Button>
      )}
    </div>
  )
}

function LogRow({ entry }: { entry: AuditEntry }) {
  return (
    <li className="flex flex-wrap items-baseline justify-between gap-x-4 border-b border-border py-2 last:border-b-0">
      <p className="min-w-0 wrap-anywhere">
        <span className="font-medium">{entry.actor.name}</span> {describeDeed(entry)}
      </p>
      <time dateTime={entry.at} className="shrink-0 text-sm text-muted">
        {formatMoment(entry.at)}
      </time>
    </li>
  )
}

function formatMoment(at: string): string {
  const moment = Date.parse(at)
  if (Number.isNaN(moment)) return at
  return new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' }).format(moment)
}
