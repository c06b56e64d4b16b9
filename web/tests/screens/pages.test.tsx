import { screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { beforeEach, describe, expect, it } from 'vitest'
import { forgetInvitation } from '@/features/rooms/entry'
import { HomePage } from '@/pages/home'
import AccountPage from '@/pages/account'
import RoomPage from '@/pages/room'
import SettingsPage from '@/pages/settings'
import { NotFoundPage } from '@/pages/not-found'
import { expectAccessible, room, show } from './render'

beforeEach(() => window.history.replaceState(null, '', '/'))

describe('home', () => {
  it('lets a guest join by link', async () => {
    show(<HomePage />)
    await expectAccessible()
    const field = screen.getByLabelText('Room name or link')
    await userEvent.type(field, 'no!')
    await userEvent.click(screen.getByRole('button', { name: 'Join' }))
    expect(field).toHaveProperty('ariaInvalid', 'true')
    expect(window.location.pathname).toBe('/')
    await userEvent.clear(field)
    await userEvent.type(field, 'https://chat.example/r/stand-up{Enter}')
    expect(window.location.pathname).toBe('/r/stand-up')
  })

  it('makes a room and goes there', async () => {
    const { asked } = show(
      <HomePage />,
      { 'GET /rooms': { rooms: [] }, 'POST /rooms': { roomId: 'k3v9xq2mhd', wsUrl: 'ws://x' } },
      true,
    )
    await screen.findByText(/No rooms yet/)
    await userEvent.click(screen.getByRole('button', { name: /New room/ }))
    expect(asked.map(({ call }) => call)).toContain('POST /rooms')
    await expect.poll(() => window.location.pathname).toBe('/r/k3v9xq2mhd')
  })

  it('changes and deletes a room', async () => {
    const { asked } = show(
      <HomePage />,
      {
        'GET /rooms': { rooms: [room] },
        'PATCH /rooms/stand-up': { ...room, name: 'Daily', guestsAllowed: false },
        'DELETE /rooms/stand-up': null,
      },
      true,
    )
    await userEvent.click(await screen.findByRole('button', { name: 'More for Stand-up' }))
    await userEvent.click(screen.getByRole('menuitem', { name: 'Settings' }))
    const dialog = await screen.findByRole('dialog')
    await expectAccessible()
    const name = within(dialog).getByLabelText('Name')
    await userEvent.clear(name)
    await userEvent.type(name, 'Daily')
    await userEvent.click(within(dialog).getByRole('switch', { name: 'Guests may join' }))
    await userEvent.click(within(dialog).getByRole('button', { name: 'Save' }))
    expect(await screen.findByText('Daily')).toBeTruthy()
    expect(asked.find(({ call }) => call.startsWith('PATCH'))?.body).toEqual({
      name: 'Daily',
      guestsAllowed: false,
      maxMembers: 8,
      lobby: 'off',
    })
    await userEvent.click(screen.getByRole('button', { name: 'More for Daily' }))
    await userEvent.click(screen.getByRole('menuitem', { name: 'Delete' }))
    await userEvent.click(screen.getByRole('button', { name: 'Delete room' }))
    expect(await screen.findByText(/No rooms yet/)).toBeTruthy()
  })
})

describe('account', () => {
  it('says what is wrong before it asks the server', async () => {
    const { asked } = show(<AccountPage mode="signUp" />)
    await expectAccessible()
    await userEvent.type(screen.getByLabelText('Username'), 'a b')
    await userEvent.type(screen.getByLabelText('Password'), 'short')
    await userEvent.click(screen.getByRole('button', { name: 'Create account' }))
    expect(screen.getByText(/Only letters/)).toBeTruthy()
    expect(screen.getByText('At least 10 characters.')).toBeTruthy()
    expect(document.activeElement).toBe(screen.getByLabelText('Username'))
    expect(asked).toEqual([])
  })

  it('explains a wrong password in words, with the code beside it', async () => {
    show(<AccountPage mode="signIn" />, { 'POST /auth/login': { status: 401, code: 'bad_credentials' } })
    await userEvent.type(screen.getByLabelText('Username'), 'alice')
    await userEvent.type(screen.getByLabelText('Password'), 'wrong password')
    await userEvent.click(screen.getByRole('button', { name: 'Sign in' }))
    const alert = await screen.findByRole('alert')
    expect(alert.textContent).toContain('don’t match')
    expect(alert.textContent).toContain('bad_credentials · r1')
  })

  it('returns to the room one came from', async () => {
    window.history.replaceState(null, '', '/signin?next=%2Fr%2Fstand-up')
    show(<AccountPage mode="signIn" />, { 'POST /auth/login': { id: 1, token: 'a.b.c', username: 'alice' } })
    await userEvent.type(screen.getByLabelText('Username'), 'alice')
    await userEvent.type(screen.getByLabelText('Password'), 'correct horse battery')
    await userEvent.keyboard('{Enter}')
    await expect.poll(() => window.location.pathname).toBe('/r/stand-up')
  })
})

describe('room', () => {
  it('asks a guest for a name and says that there are no devices on an insecure page', async () => {
    show(<RoomPage roomId="stand-up" />, { 'GET /rooms/stand-up': { ...room, members: 2 } })
    expect(await screen.findByText('2 people are in the call')).toBeTruthy()
    expect((await screen.findByRole('alert')).textContent).toContain('only on secure pages')
    await expectAccessible()
    await userEvent.click(screen.getByRole('button', { name: 'Join' }))
    expect(screen.getByText('Type the name others will see.')).toBeTruthy()
    expect(document.activeElement).toBe(screen.getByLabelText('Your name'))
  })

  it('sends a guest without a room to sign in and back', async () => {
    show(<RoomPage roomId="stand-up" />, { 'GET /rooms/stand-up': { status: 404, code: 'room_not_found' } })
    expect(await screen.findByText(/only admits people who are signed in/)).toBeTruthy()
    const main = within(screen.getByRole('main'))
    expect(main.getByRole('link', { name: 'Sign in' }).getAttribute('href')).toBe(
      '/signin?next=%2Fr%2Fstand-up',
    )
    await expectAccessible()
  })

  it('offers to create a missing room to someone signed in', async () => {
    const answers: Record<string, unknown> = {
      'GET /rooms/stand-up': { status: 404, code: 'room_not_found' },
      'POST /rooms': { roomId: 'stand-up', wsUrl: room.wsUrl },
    }
    const { asked } = show(<RoomPage roomId="stand-up" />, answers, true)
    const create = await screen.findByRole('button', { name: 'Create this room' })
    answers['GET /rooms/stand-up'] = room
    await userEvent.click(create)
    expect(await screen.findByRole('button', { name: 'Join' })).toBeTruthy()
    expect(asked.find(({ call }) => call === 'POST /rooms')?.body).toEqual({ roomId: 'stand-up' })
  })

  it('takes an invitation that is opened while the room is shown', async () => {
    const { asked } = show(<RoomPage roomId="stand-up" />, {
      'GET /rooms/stand-up': room,
      'GET /rooms/stand-up by fresh': room,
    })
    expect(await screen.findByRole('button', { name: 'Join' })).toBeTruthy()
    window.location.hash = '#invite=fresh'
    await waitFor(() => expect(asked.at(-1)?.call).toBe('GET /rooms/stand-up by fresh'))
    expect(window.location.hash).toBe('')
    forgetInvitation('stand-up')
  })

  it('keeps search engines away', () => {
    const { unmount } = show(<RoomPage roomId="stand-up" />, { 'GET /rooms/stand-up': room })
    expect(document.head.querySelector('meta[name=robots]')?.getAttribute('content')).toContain('noindex')
    unmount()
    expect(document.head.querySelector('meta[name=robots]')).toBeNull()
  })
})

describe('settings', () => {
  it('lists devices, the current one first, and signs others out', async () => {
    const device = (id: string, current: boolean) => ({
      id,
      deviceId: id,
      current,
      expiresAt: '2027-01-01T00:00:00Z',
      lastSeen: '2026-01-01T00:00:00Z',
      userAgent: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0',
    })
    const { asked } = show(
      <SettingsPage />,
      {
        'GET /auth/sessions': [device('old', false), device('here', true)],
        'DELETE /auth/sessions/old': null,
      },
      true,
    )
    await userEvent.click(screen.getByRole('tab', { name: 'Signed-in devices' }))
    const items = await screen.findAllByRole('listitem')
    expect(items[0]?.textContent).toContain('This device')
    await expectAccessible()
    await userEvent.click(screen.getByRole('button', { name: 'Sign out on Firefox on Linux' }))
    await expect.poll(() => screen.getAllByRole('listitem').length).toBe(1)
    expect(asked.map(({ call }) => call)).toContain('DELETE /auth/sessions/old')
  })

  it('asks to sign in first', async () => {
    show(<SettingsPage />)
    const main = within(screen.getByRole('main'))
    expect(main.getByRole('link', { name: 'Sign in' }).getAttribute('href')).toBe('/signin?next=%2Fsettings')
  })
})

it('has a way on from nowhere', async () => {
  show(<NotFoundPage />)
  expect(screen.getByRole('link', { name: 'Go to the start' }).getAttribute('href')).toBe('/')
  await expectAccessible()
})
