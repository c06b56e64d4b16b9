import { act, screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Call } from '@/call/controller'
import { initialCall } from '@/call/reducer'
import type { CallEvent, CallState, Member } from '@/call/types'
import { CallContext, type CallServices } from '@/features/call/call-context'
import { CallModeration, LockMark } from '@/features/moderation/call-moderation'
import { DoorList } from '@/features/moderation/lobby-list'
import { MemberMenu } from '@/features/moderation/member-menu'
import { WaitingPanel } from '@/features/moderation/waiting-panel'
import { forgetInvitation, invitationLink, takeInvitation } from '@/features/rooms/entry'
import { RoomSettingsDialog } from '@/features/rooms/room-settings-dialog'
import { createStore } from '@/lib/store'
import RoomPage from '@/pages/room'
import { expectAccessible, room, show, type Answers } from './render'

const ana: Member = {
  id: 'a',
  displayName: 'Ana',
  role: 'guest',
  kind: 'person',
  media: { audio: true, video: false, screen: false },
  mediaKnown: true,
  link: 'connected',
  signal: 'ok',
  handRaisedAt: null,
  announced: true,
}

/** Stands in for the call: holds a state, remembers what it is told. */
function enter(start: Partial<CallState>, panel = false) {
  const store = createStore<CallState>({ ...initialCall, phase: 'in', members: [ana], ...start })
  const told: CallEvent[] = []
  const call = {
    subscribe: store.subscribe,
    state: store.get,
    dispatch: (event: CallEvent) => void told.push(event),
  }
  const services = { call: call as unknown as Call, room } as unknown as CallServices
  show(
    <CallContext value={services}>
      <main id="main" tabIndex={-1}>
        <LockMark />
        <CallModeration />
        {panel && <DoorList />}
        <MemberMenu member={ana} />
      </main>
    </CallContext>,
  )
  return {
    change: (change: Partial<CallState>) => act(() => store.set({ ...store.get(), ...change })),
    commands: () => told.flatMap((event) => (event.type === 'command' ? [event.command] : [])),
  }
}

const knockers = [
  { id: 'k1', displayName: 'Ben' },
  { id: 'k2', displayName: 'Cem' },
]

beforeEach(() => {
  forgetInvitation('stand-up')
  window.history.replaceState(null, '', '/')
})

describe('the lobby, for those who run the call', () => {
  it('says who knocks, and stays until it is answered', async () => {
    const { change, commands } = enter({ role: 'moderator' })
    expect(screen.queryByRole('region', { name: 'Waiting to come in' })).toBeNull()
    change({ lobby: knockers.slice(0, 1) })
    const card = screen.getByRole('region', { name: 'Waiting to come in' })
    expect(within(card).getByText('Ben would like to come in')).toBeTruthy()
    await expectAccessible()
    within(card).getByRole('button', { name: 'Admit' }).focus()
    await userEvent.keyboard('{Enter}')
    expect(commands()).toEqual([{ type: 'admit', clientId: 'k1' }])
    expect(document.activeElement?.id).toBe('main')
    change({ lobby: [] })
    expect(screen.queryByRole('region', { name: 'Waiting to come in' })).toBeNull()
  })

  it('admits all, denies one, and comes back when hidden and someone else knocks', async () => {
    const { change, commands } = enter({ role: 'host', lobby: knockers })
    await userEvent.click(screen.getByRole('button', { name: 'Admit all 2' }))
    await userEvent.click(screen.getByRole('button', { name: 'Deny' }))
    expect(commands()).toEqual([
      { type: 'admit', clientId: 'k1' },
      { type: 'admit', clientId: 'k2' },
      { type: 'deny', clientId: 'k1' },
    ])
    await userEvent.click(screen.getByRole('button', { name: /Decide later/ }))
    expect(screen.queryByRole('button', { name: 'Admit all 2' })).toBeNull()
    change({ lobby: [...knockers, { id: 'k3', displayName: 'Dana' }] })
    expect(screen.getByRole('button', { name: 'Admit all 3' })).toBeTruthy()
  })

  it('leaves it to the list of people while that is in view', async () => {
    const { commands } = enter(
      { role: 'host', lobby: knockers, room: { locked: true, lobby: 'guests' } },
      true,
    )
    expect(screen.queryByRole('button', { name: 'Admit all 2' })).toBeNull()
    expect(screen.getByRole('heading', { name: 'Waiting to come in (2)' })).toBeTruthy()
    await userEvent.click(screen.getByRole('button', { name: 'Deny Cem' }))
    await userEvent.click(screen.getByRole('button', { name: 'Admit Ben' }))
    await userEvent.click(screen.getByRole('button', { name: 'Admit all' }))
    await userEvent.click(screen.getByRole('button', { name: 'Unlock' }))
    expect(commands()).toEqual([
      { type: 'deny', clientId: 'k2' },
      { type: 'admit', clientId: 'k1' },
      { type: 'admit', clientId: 'k1' },
      { type: 'admit', clientId: 'k2' },
      { type: 'lock', locked: false },
    ])
    await expectAccessible()
  })

  it('shows nothing of it to others', () => {
    enter({ role: 'member', lobby: knockers, room: { locked: true, lobby: 'guests' } }, true)
    expect(screen.queryByText(/would like/)).toBeNull()
    expect(screen.queryByRole('button', { name: /^Actions/ })).toBeNull()
    expect(screen.queryByRole('button', { name: 'Unlock' })).toBeNull()
    // But everyone sees that the room is locked.
    expect(screen.getByText('Locked')).toBeTruthy()
  })
})

describe('what may be done about someone', () => {
  const choose = async (item: string) => {
    await userEvent.click(screen.getByRole('button', { name: 'Actions for Ana' }))
    await userEvent.click(screen.getByRole('menuitem', { name: item }))
  }

  it('mutes at once and asks before it removes', async () => {
    const { commands } = enter({ role: 'host' })
    await choose('Mute microphone')
    expect(commands()).toEqual([{ type: 'mute', clientId: 'a', media: 'audio' }])
    await choose('Remove from the call…')
    const dialog = screen.getByRole('dialog', { name: 'Remove Ana from the call?' })
    await expectAccessible()
    await userEvent.click(within(dialog).getByRole('button', { name: 'Cancel' }))
    expect(commands()).toHaveLength(1)
    await choose('Ban from the room…')
    await userEvent.click(screen.getByRole('button', { name: 'Ban' }))
    expect(commands().at(-1)).toEqual({ type: 'ban', clientId: 'a' })
    expect(screen.queryByRole('dialog')).toBeNull()
  })

  it('takes the question back when they are gone', async () => {
    const { change } = enter({ role: 'host' })
    await choose('Remove from the call…')
    change({ members: [] })
    expect(screen.queryByRole('dialog')).toBeNull()
  })
})

it('waits in calm words', async () => {
  const waiting = { room, displayName: 'Ben', reconnecting: false, onLeave: () => undefined }
  const { rerender } = show(<WaitingPanel {...waiting} hostPresent={false} />)
  expect(screen.getByRole('heading', { name: 'The host is not here yet' })).toBeTruthy()
  expect(document.activeElement).toBe(screen.getByRole('region', { name: 'Lobby' }))
  rerender(<WaitingPanel {...waiting} hostPresent />)
  expect(screen.getByRole('heading', { name: 'Waiting for someone to let you in' })).toBeTruthy()
})

describe('an invitation', () => {
  it('is taken out of the address bar and kept for the tab', () => {
    window.history.replaceState(null, '', '/r/stand-up?x=1#invite=secret-token')
    expect(takeInvitation('stand-up')).toBe('secret-token')
    expect(window.location.href).not.toContain('secret-token')
    expect(window.location.pathname + window.location.search + window.location.hash).toBe('/r/stand-up?x=1')
    expect(takeInvitation('stand-up')).toBe('secret-token')
    expect(takeInvitation('other')).toBeNull()
    expect(localStorage.length).toBe(0)
  })

  it('leads to the address that people use', () => {
    expect(invitationLink('http://internal:8080/r/a-b#invite=t%2B')).toBe(
      `${window.location.origin}/r/a-b#invite=t%2B`,
    )
  })

  it('that ended says so, and one can go without it', async () => {
    window.history.replaceState(null, '', '/r/stand-up#invite=old-token')
    show(<RoomPage roomId="stand-up" />, {
      'GET /rooms/stand-up by old-token': { status: 404, code: 'invitation_invalid' },
      'GET /rooms/stand-up': { ...room, owner: false },
    })
    expect(await screen.findByRole('heading', { name: 'This invitation no longer works' })).toBeTruthy()
    await expectAccessible()
    await userEvent.click(screen.getByRole('button', { name: 'Try without it' }))
    expect(await screen.findByRole('button', { name: 'Join' })).toBeTruthy()
    expect(takeInvitation('stand-up')).toBeNull()
  })

  it('spares the password', async () => {
    window.history.replaceState(null, '', '/r/stand-up#invite=good-token')
    show(<RoomPage roomId="stand-up" />, {
      'GET /rooms/stand-up by good-token': { ...room, owner: false, passwordRequired: true },
    })
    expect(await screen.findByText(/You are invited/)).toBeTruthy()
    expect(screen.queryByLabelText('Room password')).toBeNull()
  })
})

it('asks for the password before it asks the server', async () => {
  show(<RoomPage roomId="stand-up" />, {
    'GET /rooms/stand-up': { ...room, owner: false, passwordRequired: true, lobby: 'guests' },
  })
  await userEvent.type(await screen.findByLabelText('Your name'), 'Ben')
  expect(screen.getByText(/lets you in after/)).toBeTruthy()
  await userEvent.click(screen.getByRole('button', { name: 'Join' }))
  expect(document.activeElement).toBe(screen.getByLabelText('Room password'))
  expect(screen.getByText(/Type it to join/)).toBeTruthy()
  await expectAccessible()
})

describe('room settings', () => {
  const open = (answers: Answers) => {
    const changed: unknown[] = []
    const view = show(
      <RoomSettingsDialog
        roomId="stand-up"
        onClose={() => undefined}
        onChanged={(next) => changed.push(next)}
      />,
      { 'GET /rooms/stand-up': room, ...answers },
      true,
    )
    return { ...view, changed }
  }
  const tab = async (name: string) => userEvent.click(await screen.findByRole('tab', { name }))

  it('sets who must knock', async () => {
    const { asked, changed } = open({ 'PATCH /rooms/stand-up': { ...room, lobby: 'guests' } })
    await userEvent.selectOptions(await screen.findByLabelText('Who must knock'), 'Guests')
    await expectAccessible()
    await userEvent.click(screen.getByRole('button', { name: 'Save' }))
    await waitFor(() => expect(changed).toHaveLength(1))
    expect(asked.at(-1)?.body).toMatchObject({ lobby: 'guests', guestsAllowed: true })
  })

  it('sets, changes and removes the password, and never shows it', async () => {
    const { asked, changed } = open({ 'PATCH /rooms/stand-up': { ...room, passwordRequired: true } })
    await tab('Password')
    const field = screen.getByRole('textbox', { name: 'Password' })
    await userEvent.type(field, 'abc{Enter}')
    expect(screen.getByText('At least 4 characters.')).toBeTruthy()
    expect(asked).toHaveLength(1)
    await userEvent.type(field, 'd{Enter}')
    expect(await screen.findByRole('textbox', { name: 'New password' })).toHaveProperty('value', '')
    expect(asked.at(-1)?.body).toEqual({ password: 'abcd' })
    await expectAccessible()
    await userEvent.click(screen.getByRole('button', { name: 'Remove password' }))
    await waitFor(() => expect(changed).toHaveLength(2))
    expect(asked.at(-1)?.body).toEqual({ password: null })
  })

  it('makes, lists and revokes invitations', async () => {
    const invitation = {
      id: 'i1',
      createdAt: new Date().toISOString(),
      expiresAt: new Date(Date.now() + 3_600_000 + 5_000).toISOString(),
      uses: 0,
      maxUses: 3,
    }
    const { asked } = open({
      'GET /rooms/stand-up/invitations': { invitations: [] },
      'POST /rooms/stand-up/invitations': { invitation, url: 'http://h/r/stand-up#invite=tok' },
      'DELETE /rooms/stand-up/invitations/i1': null,
    })
    await tab('Invites')
    await screen.findByText(/^None\./)
    await userEvent.selectOptions(screen.getByLabelText('Works for'), '1 hour')
    const uses = screen.getByLabelText('How many may use it')
    await userEvent.type(uses, 'x')
    await userEvent.click(screen.getByRole('button', { name: 'Make an invitation' }))
    expect(asked.filter(({ call }) => call.startsWith('POST'))).toEqual([])
    await userEvent.clear(uses)
    await userEvent.type(uses, '3')
    await userEvent.click(screen.getByRole('button', { name: 'Make an invitation' }))
    const link = await screen.findByLabelText(/Copy it now/)
    expect(link).toHaveProperty('value', `${window.location.origin}/r/stand-up#invite=tok`)
    expect(document.activeElement).toBe(link)
    expect(asked.at(-1)?.body).toEqual({ expiresIn: 3_600, maxUses: 3 })
    expect(screen.getByText('ends in 1 hour')).toBeTruthy()
    await expectAccessible()
    await userEvent.click(screen.getByRole('button', { name: /^Revoke/ }))
    expect(await screen.findByText(/^None\./)).toBeTruthy()
    expect(screen.queryByLabelText(/Copy it now/)).toBeNull()
  })

  it('names moderators and lifts bans', async () => {
    const { asked } = open({
      'GET /rooms/stand-up/moderators': { moderators: [{ userId: 7, username: 'cem' }] },
      'PUT /rooms/stand-up/moderators/nobody': { status: 404, code: 'user_not_found' },
      'PUT /rooms/stand-up/moderators/dana': { userId: 8, username: 'dana' },
      'DELETE /rooms/stand-up/moderators/7': null,
      'GET /rooms/stand-up/bans': {
        bans: [
          { id: 'b1', displayName: 'Rude', kind: 'guest', by: 'alice', createdAt: '2026-01-01T00:00:00Z' },
        ],
      },
      'DELETE /rooms/stand-up/bans/b1': null,
    })
    await tab('People')
    await userEvent.click(await screen.findByRole('button', { name: 'Remove cem as a moderator' }))
    const field = screen.getByLabelText('Add a moderator')
    await userEvent.type(field, 'nobody{Enter}')
    expect(await screen.findByText(/nobody with that username/)).toBeTruthy()
    await userEvent.clear(field)
    await userEvent.type(field, 'dana{Enter}')
    expect(await screen.findByText('dana')).toBeTruthy()
    await expectAccessible()
    await userEvent.click(screen.getByRole('button', { name: 'Lift ban of Rude' }))
    expect(await screen.findByText('Nobody is kept out.')).toBeTruthy()
    expect(asked.map(({ call }) => call)).toContain('DELETE /rooms/stand-up/moderators/7')
  })

  it('pages through the log', async () => {
    const entry = (id: string, action: string) => ({
      id,
      at: '2026-01-01T00:00:00Z',
      action,
      actor: { id: '1', name: 'alice' },
      target: null,
      detail: '',
    })
    open({
      'GET /rooms/stand-up/audit': { entries: [entry('2', 'unlock')], next: '2' },
      'GET /rooms/stand-up/audit?before=2': { entries: [entry('1', 'lock')], next: null },
    })
    await tab('Log')
    await userEvent.click(await screen.findByRole('button', { name: 'Show older' }))
    const rows = await waitFor(() => {
      const found = within(screen.getByRole('list', { name: 'Log' })).getAllByRole('listitem')
      expect(found).toHaveLength(2)
      return found
    })
    expect(rows.map((row) => row.querySelector('p')?.textContent)).toEqual([
      'alice unlocked the room',
      'alice locked the room',
    ])
    expect(screen.queryByRole('button', { name: 'Show older' })).toBeNull()
    await expectAccessible()
  })
})
