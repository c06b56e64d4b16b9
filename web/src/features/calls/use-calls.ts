import { useEffect, useState } from 'react'
import type { CallEntry } from '@/api/call-record'
import { useServices } from '@/app/services'
import { useAction } from '@/lib/use-action'
import { mergeCalls } from './list'
import { useRefresh } from './use-refresh'

interface Calls {
  readonly list: readonly CallEntry[]
  readonly next: string | null
  /** When the newest page was asked for. */
  readonly at: number
}

/** The calls of a room: the newest page at once and again while a call runs, older ones when asked for. */
export function useCalls(roomId: string) {
  const { api } = useServices()
  const [calls, setCalls] = useState<Calls | null>(null)
  const { run: load, error } = useAction(async () => {
    const page = await api.listCalls(roomId)
    setCalls((known) => ({
      list: mergeCalls(known?.list ?? [], page.calls),
      next: known ? known.next : page.next,
      at: Date.now(),
    }))
  })
  const older = useAction(async () => {
    if (!calls) return
    const page = await api.listCalls(roomId, calls.next)
    setCalls((known) => known && { ...known, list: mergeCalls(known.list, page.calls), next: page.next })
  })
  useEffect(() => void load(), [load])
  useRefresh(calls?.list.some(({ running }) => running) ?? false, load)
  return { calls, error, load, older }
}
