import { screen, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { beforeEach, expect, it } from 'vitest'
import { Ended } from '@/features/call/ended'
import { enter } from './enter'
import { expectAccessible, show } from './render'

beforeEach(() => localStorage.clear())

it('shows the link to someone who is alone', async () => {
  const { socket } = await enter()
  expect(screen.getByRole('heading', { name: /only one here/ })).toBeTruthy()
  expect(screen.getByTestId('tile-self')).toBeTruthy()
  await expectAccessible()
  socket.receive({
    type: 'presence',
    action: 'join',
    clientId: 'a',
    displayName: 'Ana',
    polite: false,
    ts: 1,
  })
  expect(screen.queryByRole('heading', { name: /only one here/ })).toBeNull()
  expect(screen.getByTestId('tile-a').getAttribute('aria-label')).toBe('Ana')
  expect(screen.getByText('Ana joined')).toBeTruthy()
})

it('shows everyone with names and what is on', async () => {
  const { socket } = await enter(['a', 'Ana'], ['b', 'Bo'])
  await userEvent.keyboard('p')
  const list = within(screen.getByRole('list', { name: 'In the call' }))
  expect(list.getAllByRole('listitem')).toHaveLength(3)
  socket.receive({ type: 'media', clientId: 'a', audio: false, video: false, screen: false })
  expect(within(screen.getByTestId('tile-a')).getByText('Muted:')).toBeTruthy()
  await expectAccessible()
  await userEvent.keyboard('{Escape}')
  expect(screen.queryByRole('list', { name: 'In the call' })).toBeNull()
})

it('keeps the tiles while it reconnects', async () => {
  const { socket } = await enter(['a', 'Ana'])
  socket.drop(1006)
  expect(screen.getByText(/We are reconnecting/)).toBeTruthy()
  expect(screen.getByTestId('tile-a')).toBeTruthy()
  await expectAccessible()
})

it('chats: unread, links, the limit, and a message on its way', async () => {
  const { socket } = await enter(['a', 'Ana'])
  const text = 'see https://example.org/x <b>no</b> javascript:alert(1)'
  socket.receive({ type: 'chat', from: 'a', displayName: 'Ana', text, id: 'm1', ts: 1 })
  await userEvent.click(screen.getByRole('button', { name: 'Chat, 1 unread' }))
  const log = screen.getByTestId('chat-log')
  const links = within(log).getAllByRole('link')
  expect(links.map((link) => [link.getAttribute('href'), link.getAttribute('rel')])).toEqual([
    ['https://example.org/x', 'noopener noreferrer nofollow'],
  ])
  expect(log.querySelector('b')).toBeNull()
  expect(screen.getByRole('button', { name: 'Chat' })).toBeTruthy()
  const field = screen.getByRole('textbox', { name: 'Message' })
  expect(document.activeElement).toBe(field)
  // 21 of 20: counted in code points, so that an emoji is one.
  await userEvent.type(field, '🙂'.repeat(21))
  expect(screen.getByText(/1 characters too many/)).toBeTruthy()
  await userEvent.keyboard('{Enter}')
  expect(socket.sent.filter(({ type }) => type === 'chat')).toEqual([])
  await userEvent.clear(field)
  await userEvent.type(field, 'cmv?p{Enter}')
  expect(socket.sent.filter(({ type }) => type === 'chat')).toMatchObject([{ text: 'cmv?p' }])
  expect(screen.getByText('Sending…')).toBeTruthy()
  socket.receive({ type: 'chat', from: 'me', displayName: 'Me', text: 'cmv?p', id: 'm2', ts: 2 })
  expect(screen.queryByText('Sending…')).toBeNull()
  await expectAccessible()
})

it('explains how each call ended', async () => {
  for (const reason of ['left', 'room_full', 'kicked', 'signed_out', 'lost'] as const) {
    const { unmount } = show(
      <Ended ended={{ reason, code: 4500 }} roomId="stand-up" onRejoin={() => undefined} />,
    )
    expect(screen.getByRole('heading', { level: 1 })).toBeTruthy()
    await expectAccessible()
    unmount()
  }
})
