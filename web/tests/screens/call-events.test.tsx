import { act, render, screen } from '@testing-library/react'
import { expect, it } from 'vitest'
import type { Call } from '@/call/controller'
import { useCallEvents } from '@/features/call/use-call-events'
import { Toaster } from '@/ui/toast'

type Listener = Parameters<Call['onNotice']>[0]

function InCall({ call, chatIsOpen = false }: { call: Call; chatIsOpen?: boolean }) {
  useCallEvents(call, chatIsOpen, () => undefined)
  return null
}

function callThatTells(): { call: Call; tell: Listener } {
  let listener: Listener = () => undefined
  const onNotice: Call['onNotice'] = (given) => {
    listener = given
    return () => undefined
  }
  const call = { onNotice, state: () => ({}) } as unknown as Call
  return { call, tell: (notice) => listener(notice) }
}

it('says nothing more of the chat once it is open', () => {
  const { call, tell } = callThatTells()
  const page = (chatIsOpen: boolean) => (
    <>
      <Toaster />
      <InCall call={call} chatIsOpen={chatIsOpen} />
    </>
  )
  const { rerender } = render(page(false))
  act(() => {
    tell({ kind: 'chat', name: 'Mira', text: 'Shall we start?' })
    tell({ kind: 'joined', name: 'Bo' })
  })
  screen.getByText('Mira: Shall we start?')
  rerender(page(true))
  expect(screen.queryByText('Mira: Shall we start?')).toBeNull()
  screen.getByText('Bo joined')
})

it('says nothing more of a call that was left', () => {
  const { call, tell } = callThatTells()
  const page = (inCall: boolean) => (
    <>
      <Toaster />
      {inCall && <InCall call={call} />}
    </>
  )
  const { rerender } = render(page(true))
  act(() => tell({ kind: 'left', name: 'Bo' }))
  screen.getByText('Bo left')
  rerender(page(true))
  screen.getByText('Bo left')
  rerender(page(false))
  expect(screen.queryByText('Bo left')).toBeNull()
})
