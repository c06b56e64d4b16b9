import { act, fireEvent, screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { describe, expect, it, vi } from 'vitest'
import type { CallRecord, ExplainedCall } from '@/api/call-record'
import { Ended } from '@/features/call/ended'
import { formatClockSeconds } from '@/lib/time'
import CallRecordPage from '@/pages/call-record'
import CallsPage from '@/pages/calls'
import { AT, entry, explained, failedCall, longCall, shortCall } from '../call-records'
import { enter } from './enter'
import { expectAccessible, room, show } from './render'

const list = 'GET /rooms/stand-up/calls'
const one = `${list}/${failedCall.id}`
const main = () => within(screen.getByRole('main'))

describe('the calls of a room', () => {
  const failed = entry('f', { result: 'failed', text: 'Anna and Ben never found a path.' })
  const fine = entry('g', { startedAt: AT - 60_000 })
  const page = (calls: unknown[], next: string | null = null) => ({ [list]: { calls, next } })

  it('are listed with what came of them, each leading to its record', async () => {
    show(<CallsPage roomId="stand-up" />, { ...page([failed, fine]), 'GET /rooms/stand-up': room }, true)
    const link = await screen.findByRole('link', { name: /never found a path/ })
    expect(link.getAttribute('href')).toBe('/r/stand-up/calls/f')
    expect(link.textContent).toMatch(/Failed.*39 min.*3 people/)
    expect(screen.getByRole('link', { name: /all 3 pairs connected/ }).textContent).toContain('Went well')
    expect(await screen.findByRole('link', { name: 'Stand-up' })).toBeTruthy()
    await expectAccessible()
  })

  it('can be narrowed to those with trouble', async () => {
    show(<CallsPage roomId="stand-up" />, page([fine]), true)
    await userEvent.click(await screen.findByRole('switch', { name: 'Only with trouble' }))
    expect(screen.getByText('No trouble in any call.')).toBeTruthy()
    expect(screen.queryByRole('link', { name: /all 3 pairs/ })).toBeNull()
  })

  it('go on with older ones', async () => {
    const answers = {
      ...page([failed], '17-f'),
      [`${list}?before=17-f`]: { calls: [fine], next: null },
    }
    show(<CallsPage roomId="stand-up" />, answers, true)
    await userEvent.click(await screen.findByRole('button', { name: 'Older calls' }))
    expect(await screen.findByRole('link', { name: /all 3 pairs connected/ })).toBeTruthy()
    expect(screen.queryByRole('button', { name: 'Older calls' })).toBeNull()
  })

  it('are followed while one runs', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const running = { ...fine, running: true, endedAt: null, text: '2 people, still running' }
    const answers: Record<string, unknown> = page([running])
    const { asked } = show(<CallsPage roomId="stand-up" />, answers, true)
    const listings = () => asked.filter(({ call }) => call === list).length
    expect((await screen.findByRole('link', { name: /still running/ })).textContent).toContain('Live')
    answers[list] = { calls: [fine], next: null }
    act(() => void vi.advanceTimersByTime(5_000))
    expect(await screen.findByRole('link', { name: /all 3 pairs connected/ })).toBeTruthy()
    expect(listings()).toBe(2)
    act(() => void vi.advanceTimersByTime(60_000))
    expect(listings()).toBe(2)
    vi.useRealTimers()
  })

  it('say so when there are none', async () => {
    show(<CallsPage roomId="stand-up" />, page([]), true)
    expect(await screen.findByText('No calls yet')).toBeTruthy()
    await expectAccessible()
  })

  it('say what went wrong, and load on another try', async () => {
    const answers: Record<string, unknown> = { [list]: { status: 503, code: 'unavailable' } }
    show(<CallsPage roomId="stand-up" />, answers, true)
    expect((await screen.findByRole('alert')).textContent).toContain('unavailable')
    answers[list] = { calls: [fine], next: null }
    await userEvent.click(screen.getByRole('button', { name: 'Try again' }))
    expect(await screen.findByRole('link', { name: /all 3 pairs connected/ })).toBeTruthy()
  })

  it('are not shown to those who may not look, and not without signing in', async () => {
    const { unmount } = show(
      <CallsPage roomId="stand-up" />,
      { [list]: { status: 404, code: 'room_not_found' } },
      true,
    )
    expect(await screen.findByText('There are no calls here for you')).toBeTruthy()
    await expectAccessible()
    unmount()
    show(<CallsPage roomId="stand-up" />)
    expect(main().getByRole('link', { name: 'Sign in' }).getAttribute('href')).toBe(
      '/signin?next=%2Fr%2Fstand-up%2Fcalls',
    )
  })
})

describe('one call', () => {
  const open = (answer: unknown = explained) =>
    show(<CallRecordPage roomId="stand-up" callId={failedCall.id} />, { [one]: answer }, true)
  const good = (call: CallRecord): ExplainedCall => ({
    call,
    findings: [],
    summary: { result: 'ok', cause: null, text: '2 people, 3 s; connected directly' },
    traceUrl: null,
  })

  it('begins with what went wrong and what helps', async () => {
    open()
    const findings = within(await screen.findByRole('region', { name: 'What stood out' }))
    const [first, second, third] = findings.getAllByRole('listitem')
    expect(first?.textContent).toMatch(/Failed.*never found a path.*ask whoever runs this server/)
    expect(findings.queryByText(/docs\/turn\.md/)).toBeNull()
    expect(second?.textContent).toMatch(/Trouble.*Nobody heard Cem/)
    expect(third?.textContent).toMatch(/Good to know/)
    expect(screen.getByRole('link', { name: 'Open trace' }).getAttribute('href')).toBe(explained.traceUrl)
    await expectAccessible()
  })

  it('tells each step in words, the usual ones on demand', async () => {
    open()
    const steps = within(await screen.findByRole('list', { name: 'Step by step' }))
    const before = steps.getAllByRole('listitem').length
    expect(steps.getByText(/Cem had no microphone/)).toBeTruthy()
    await userEvent.click(screen.getByRole('switch', { name: 'With offers and answers' }))
    expect(steps.getAllByRole('listitem')).toHaveLength(before + 2)
    expect(steps.getByText('Ben offered Anna a connection')).toBeTruthy()
  })

  it('leads from a finding to its moment, and back to the whole call', async () => {
    open()
    const at = formatClockSeconds(AT + 42_000)
    await userEvent.click(await screen.findByRole('button', { name: `Show ${at} in the timeline` }))
    const timeline = screen.getByRole('region', { name: 'Timeline' })
    expect(document.activeElement).toBe(timeline)
    const part = `${formatClockSeconds(AT + 12_000)} – ${formatClockSeconds(AT + 72_000)}`
    expect(within(timeline).getByRole('status').textContent).toBe(part)
    // What lies outside is not drawn.
    expect(within(timeline).queryByRole('button', { name: /Cem lost the connection/ })).toBeNull()
    await userEvent.click(within(timeline).getByRole('button', { name: 'Whole call' }))
    expect(within(timeline).getByRole('status').textContent).toBe('')
    expect(within(timeline).getByRole('button', { name: /Cem lost the connection/ })).toBeTruthy()
  })

  it('can be looked at closer by keyboard, up to its ends', async () => {
    open()
    const closer = await screen.findByRole('button', { name: 'Look closer' })
    const [earlier, later, more] = ['Earlier', 'Later', 'Show more'].map((name) =>
      screen.getByRole('button', { name }),
    )
    expect([earlier, later, more].map((tool) => tool?.ariaDisabled)).toEqual(['true', 'true', 'true'])
    closer.focus()
    await userEvent.keyboard('{Enter}')
    const timeline = within(screen.getByRole('region', { name: 'Timeline' }))
    expect(timeline.getByRole('status').textContent).toContain(formatClockSeconds(AT + 75_000))
    await userEvent.click(later!)
    expect(later!.ariaDisabled).toBe('true')
    await userEvent.click(earlier!)
    await userEvent.click(earlier!)
    expect(earlier!.ariaDisabled).toBe('true')
    await userEvent.click(more!)
    expect(more!.ariaDisabled).toBe('true')
  })

  it('can be looked at closer by dragging across it', async () => {
    open()
    const people = await screen.findByRole('list', { name: 'People' })
    const box = { left: 100, width: 1_000 } as DOMRect
    vi.spyOn(Element.prototype, 'getBoundingClientRect').mockReturnValue(box)
    const drag = (from: number, to: number, pointerType = 'mouse') => {
      fireEvent.pointerDown(people, { clientX: from, button: 0, pointerType })
      fireEvent.pointerMove(window, { clientX: to })
      fireEvent.pointerUp(window)
    }
    const part = () =>
      within(screen.getByRole('region', { name: 'Timeline' })).getByRole('status').textContent
    drag(400, 402)
    expect(part()).toBe('')
    drag(400, 600, 'touch')
    expect(part()).toBe('')
    drag(600, 400)
    expect(part()).toBe(`${formatClockSeconds(AT + 90_000)} – ${formatClockSeconds(AT + 150_000)}`)
  })

  it('tells what a mark is about', async () => {
    open()
    const mark = await screen.findByRole('button', { name: /Cem had no microphone/ })
    mark.focus()
    await userEvent.keyboard('{Enter}')
    const box = await screen.findByRole('dialog', { name: 'What happened' })
    expect(box.textContent).toContain('the browser was not allowed to use it')
    await userEvent.keyboard('{Escape}')
    expect(document.activeElement).toBe(mark)
  })

  it('tells how each pair was connected', async () => {
    open()
    const pairs = within(await screen.findByRole('region', { name: 'Who was connected to whom' }))
    expect(pairs.getAllByRole('heading', { level: 3 }).map(({ textContent }) => textContent)).toEqual([
      'Anna and Ben',
      'Anna and Cem',
      'Ben and Cem',
    ])
    expect(pairs.getByText('over TURN (tls)')).toBeTruthy()
    await userEvent.click(pairs.getByText('of Anna and Ben'))
    expect(pairs.getByText('No path in time after 30 s')).toBeTruthy()
    expect(pairs.getByText('701')).toBeTruthy()
    await expectAccessible()
  })

  it('hands out its name and its record', async () => {
    const click = vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(() => undefined)
    const files: Blob[] = []
    Object.assign(URL, {
      createObjectURL: (file: Blob) => `blob:${files.push(file)}`,
      revokeObjectURL: () => undefined,
    })
    const user = userEvent.setup()
    open()
    await user.click(await screen.findByRole('button', { name: 'Copy call ID' }))
    expect(await screen.findByText(/Call ID copied/)).toBeTruthy()
    expect(await navigator.clipboard.readText()).toBe(failedCall.id)
    await user.click(screen.getByRole('button', { name: 'Download JSON' }))
    expect((click.mock.contexts[0] as HTMLAnchorElement).download).toBe(`call-${failedCall.id}.json`)
    expect(JSON.parse((await files[0]?.text()) ?? '')).toEqual(failedCall)
  })

  it('shows one of hours with eight people at a glance, and all of it on demand', async () => {
    open(good(longCall()))
    const connections = await screen.findByRole('list', { name: 'Connections' })
    expect(within(connections).getAllByRole('listitem')).toHaveLength(3)
    expect(screen.getByText('Connections with trouble')).toBeTruthy()
    await expectAccessible()
    await userEvent.click(screen.getByRole('button', { name: 'Show 25 more' }))
    expect(within(connections).getAllByRole('listitem')).toHaveLength(28)
    const steps = within(screen.getByRole('list', { name: 'Step by step' }))
    expect(steps.getAllByRole('listitem')).toHaveLength(20)
    await userEvent.click(screen.getByRole('button', { name: /^Show all \d+ steps$/ }))
    expect(steps.getAllByRole('listitem').length).toBeGreaterThan(90)
  })

  it('shows one of seconds in which all went well', async () => {
    open(good(shortCall))
    expect(await screen.findByText('2 people, 3 s; connected directly')).toBeTruthy()
    expect(screen.queryByRole('link', { name: 'Open trace' })).toBeNull()
    await expectAccessible()
  })

  it('shows that nobody could come in', async () => {
    const events = [{ at: AT, kind: 'unreachable', detail: 'socket_blocked' }] as const
    open(good({ id: failedCall.id, room: 'stand-up', startedAt: AT, endedAt: AT, events }))
    const people = await screen.findByRole('list', { name: 'People' })
    expect(people.textContent).toContain('At the door')
    expect(screen.getByText(/nobody inside/)).toBeTruthy()
    await expectAccessible()
  })

  it('is followed while it runs', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const running = good({ ...shortCall, endedAt: null })
    const answers: Record<string, unknown> = { [one]: running }
    show(<CallRecordPage roomId="stand-up" callId={failedCall.id} />, answers, true)
    expect(await screen.findByText('Live')).toBeTruthy()
    answers[one] = good(shortCall)
    act(() => void vi.advanceTimersByTime(5_000))
    await waitFor(() => expect(screen.queryByText('Live')).toBeNull())
    vi.useRealTimers()
  })

  it('says that a record has no end, and what it does not hold', async () => {
    open(good({ ...shortCall, endedAt: null, interrupted: true, moreEvents: 7, moreMembers: 2 }))
    expect(await screen.findByText(/server stopped before this call ended/)).toBeTruthy()
    expect(screen.getByText(/7 more steps are not kept/)).toBeTruthy()
    expect(screen.getByText(/And 2 more people/)).toBeTruthy()
  })

  it('is not shown when it is not there, with a way back', async () => {
    open({ status: 404, code: 'call_not_found' })
    expect(await screen.findByText('There is no such call here for you')).toBeTruthy()
    expect(screen.getByRole('link', { name: 'Calls of this room' }).getAttribute('href')).toBe(
      '/r/stand-up/calls',
    )
    await expectAccessible()
  })

  it('says what went wrong, and asks to sign in', async () => {
    const { unmount } = open({ status: 503, code: 'unavailable' })
    expect(await screen.findByRole('button', { name: 'Try again' })).toBeTruthy()
    unmount()
    show(<CallRecordPage roomId="stand-up" callId={failedCall.id} />)
    expect(main().getByRole('link', { name: 'Sign in' }).getAttribute('href')).toContain(failedCall.id)
  })
})

describe('the name of the call', () => {
  const call = { id: failedCall.id, roomId: 'stand-up', role: 'guest', owner: false } as const
  const end = (past: Parameters<typeof Ended>[0]['call'], signedIn: boolean) =>
    show(
      <Ended
        ended={{ reason: 'left', code: null }}
        roomId="stand-up"
        call={past ?? null}
        onRejoin={() => undefined}
      />,
      {},
      signedIn,
    )

  it('stands below its end, for hosts with the way to its record', async () => {
    const { unmount } = end({ ...call, role: 'host' }, true)
    expect(screen.getByText(failedCall.id)).toBeTruthy()
    expect(screen.getByRole('link', { name: 'How the call went' }).getAttribute('href')).toBe(
      `/r/stand-up/calls/${failedCall.id}`,
    )
    await expectAccessible()
    unmount()
    end(call, true)
    expect(screen.getByText(failedCall.id)).toBeTruthy()
    expect(screen.queryByRole('link', { name: 'How the call went' })).toBeNull()
  })

  it('leads nowhere for moderators without an account, and is left out where there is none', () => {
    const { unmount } = end({ ...call, role: 'moderator' }, false)
    expect(screen.queryByRole('link', { name: 'How the call went' })).toBeNull()
    unmount()
    end(null, true)
    expect(screen.queryByText('Call ID')).toBeNull()
  })

  it('can be copied while the call goes on', async () => {
    const user = userEvent.setup()
    const { call: current } = await enter()
    await user.click(screen.getByRole('button', { name: 'More' }))
    await user.click(screen.getByRole('menuitem', { name: 'Copy call ID' }))
    expect(await navigator.clipboard.readText()).toBe(current.state().callId)
  })
})
