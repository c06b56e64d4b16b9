import { useEffect, useState } from 'react'
import type { ExplainedCall } from '@/api/call-record'
import { useServices } from '@/app/services'
import { useAction } from '@/lib/use-action'
import { isRunning } from './lanes'
import { useRefresh } from './use-refresh'

/** One call with what the server thinks of it, followed while it runs. `at`: when it was asked for. */
export function useExplainedCall(roomId: string, callId: string) {
  const { api } = useServices()
  const [answer, setAnswer] = useState<{ explained: ExplainedCall; at: number } | null>(null)
  const { run: load, error } = useAction(async () => {
    const explained = await api.readCall(roomId, callId)
    setAnswer({ explained, at: Date.now() })
  })
  useEffect(() => void load(), [load])
  useRefresh(answer !== null && isRunning(answer.explained.call), load)
  return { answer, error, load }
}
