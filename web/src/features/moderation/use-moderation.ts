import type { Command } from '@/call/types'
import { useCallServices, useCallState } from '@/features/call/call-context'

/** The call, its state, and the way to give a command. The server decides whether it is obeyed. */
export function useModeration() {
  const { call, room } = useCallServices()
  const state = useCallState(call)
  const command = (order: Command) => call.dispatch({ type: 'command', command: order })
  return { call, room, state, command }
}
