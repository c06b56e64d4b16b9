import { act, render, screen } from '@testing-library/react'
import { expect, it } from 'vitest'
import type { Call } from '@/call/controller'
import { useCallEvents } from '@/features/call/use-call-events'
import { Toaster } from '@/ui/toast'

type Listener = Parameters<Call['onNotice']>[0]

function InCall({ call }: { call: Call }) {
  useCallEvents(call, () => undefined)
  return null
}

it('says nothing more of a call that was left', () => {
  let tell: Listener = () => undefined
  const onNotice: Call['onNotice'] = (listener) => {
    tell = listener
    return () => undefined
  }
  const call = { onNotice, state: () => ({}) } as unknown as Call
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
