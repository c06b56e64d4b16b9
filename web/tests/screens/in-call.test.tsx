import { act, fireEvent, screen, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { beforeEach, expect, it, vi } from 'vitest'
import { forget } from '@/lib/storage'
import { LocalMedia, type Devices } from '@/call/media'
import { enter, enterWith } from './enter'
import { expectAccessible } from './render'

const NAMES = ['Ana', 'Bo', 'Cy', 'Di', 'Eve', 'Fay', 'Gil']
const seven = NAMES.map((name): [string, string] => [name.toLowerCase(), name])
const area = (element: HTMLElement) => parseFloat(element.style.width) * parseFloat(element.style.height)
const tiles = () => within(screen.getByTestId('stage')).getAllByRole('article')
const raise = (clientId: string, ts: number) => ({ type: 'hand', clientId, raised: true, ts })

/** A microphone that opens when told to. */
function heldMicrophone() {
  const track = Object.assign(new EventTarget(), {
    kind: 'audio',
    readyState: 'live',
    enabled: true,
    stop: () => undefined,
    getSettings: () => ({}),
  })
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  const devices = {
    getUserMedia: async () => {
      await opened
      return new MediaStream([track as unknown as MediaStreamTrack])
    },
    enumerateDevices: async () => [],
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  } as unknown as Devices
  const arrive = async () => {
    open()
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  }
  return { devices, arrive }
}

beforeEach(() => {
  for (const key of ['layout', 'shortcuts']) forget(key)
})

it('shows eight people equally, one large on demand, and nobody jumps when someone leaves', async () => {
  const { socket } = await enter(...seven)
  expect(tiles()).toHaveLength(8)
  expect(new Set(tiles().map(area)).size).toBe(1)
  const places = () => new Map(tiles().map((tile) => [tile.getAttribute('aria-label'), tile.style.cssText]))
  const before = places()
  socket.receive({ type: 'presence', action: 'leave', clientId: 'bo', ts: 1 })
  const after = places()
  // Seven stand in the same rows as eight; only the last one moved, into the gap.
  expect(after.get('Gil')).toBe(before.get('Bo'))
  expect(after.get('Ana')).toBe(before.get('Ana'))
  expect(after.get('Cy')).toBe(before.get('Cy'))

  await userEvent.keyboard('l')
  const [first, ...others] = tiles().sort((one, other) => area(other) - area(one))
  expect(first?.getAttribute('aria-label')).toBe('Ana')
  for (const other of others) expect(area(first!)).toBeGreaterThan(3 * area(other))
  await expectAccessible()
})

it('pins with the button on the tile and from the list, and lets go when that one leaves', async () => {
  const { socket } = await enter(['a', 'Ana'], ['b', 'Bo'])
  await userEvent.click(screen.getByRole('button', { name: 'Pin Bo' }))
  expect(screen.getByTestId('stage').dataset.focus).toBe('b')
  await userEvent.keyboard('p')
  const list = within(screen.getByRole('list', { name: 'In the call' }))
  expect(list.getByRole('button', { name: 'Pin Bo' }).getAttribute('aria-pressed')).toBe('true')
  await userEvent.click(list.getByRole('button', { name: 'Pin Ana' }))
  expect(screen.getByTestId('stage').dataset.focus).toBe('a')
  socket.receive({ type: 'presence', action: 'leave', clientId: 'a', ts: 1 })
  expect(screen.getByTestId('stage').dataset.focus).toBeUndefined()
})

it('gives a shared screen the big place, several at once, and never shows a recorder', async () => {
  const recorder: [string, string, object] = ['r', 'Recorder', { kind: 'recorder' }]
  const { socket } = await enter(['a', 'Ana'], ['b', 'Bo'], recorder)
  expect(screen.queryByTestId('tile-r')).toBeNull()
  expect(screen.getByRole('button', { name: 'People, 3 in the call' })).toBeTruthy()
  const shares = (clientId: string, on: boolean) =>
    socket.receive({ type: 'media', clientId, audio: true, video: false, screen: on })
  shares('b', true)
  shares('a', true)
  expect(screen.getByTestId('stage').dataset.focus).toBe('screen:a')
  expect(screen.getByRole('article', { name: 'Screen of Bo' })).toBeTruthy()
  await userEvent.keyboard('l')
  expect(screen.getByTestId('stage').dataset.focus).toBeUndefined()
  shares('a', false)
  shares('b', false)
  expect(screen.queryByRole('article', { name: /Screen/ })).toBeNull()
  shares('b', true)
  expect(screen.getByTestId('stage').dataset.focus).toBe('screen:b')
  await expectAccessible()
})

it('says what is lost: the line of someone, or their picture and sound', async () => {
  const { socket, call } = await enter(['a', 'Ana'], ['b', 'Bo'])
  act(() => call.dispatch({ type: 'peerLink', clientId: 'a', link: 'connected' }))
  socket.receive({ type: 'presence', action: 'lost', clientId: 'a', ts: 1 })
  const tile = within(screen.getByTestId('tile-a'))
  expect(tile.getByText('Reconnecting…')).toBeTruthy()
  expect(tile.queryByText('Muted:')).toBeNull()
  socket.receive({ type: 'presence', action: 'back', clientId: 'a', ts: 2 })
  expect(tile.queryByText('Reconnecting…')).toBeNull()
  act(() => call.dispatch({ type: 'peerLink', clientId: 'a', link: 'lost' }))
  expect(tile.getByText('No picture or sound from Ana right now. Trying again.')).toBeTruthy()
  expect(tile.getByRole('button', { name: /No connection to Ana/ })).toBeTruthy()
})

it('queues hands and tells who raised one', async () => {
  const { socket } = await enter(['a', 'Ana'], ['b', 'Bo'])
  socket.receive(raise('b', 10))
  socket.receive(raise('a', 20))
  expect(screen.getByText('Bo raised a hand')).toBeTruthy()
  expect(screen.getByTestId('tile-a').textContent).toContain('number 2')
  await userEvent.keyboard('h')
  expect(socket.sent.filter(({ type }) => type === 'hand')).toMatchObject([{ raised: true }])
  socket.receive(raise('me', 30))
  expect(screen.getByRole('button', { name: 'Raise hand' }).getAttribute('aria-pressed')).toBe('true')
  await userEvent.keyboard('p')
  const queue = within(screen.getByRole('region', { name: 'Raised hands' }))
  expect(queue.getAllByRole('listitem').map(({ textContent }) => textContent)).toEqual([
    '1.Bo',
    '2.Ana',
    '3.You',
  ])
  await expectAccessible()
  await userEvent.keyboard('h')
  expect(socket.sent.filter(({ type }) => type === 'hand').at(-1)).toMatchObject({ raised: false })
})

it('shows reactions over the tile, and sends no more than the room can take', async () => {
  const { socket } = await enter(['a', 'Ana'])
  socket.receive({ type: 'reaction', clientId: 'a', emoji: '🎉' })
  expect(within(screen.getByTestId('tile-a')).getByText('🎉')).toBeTruthy()
  await userEvent.keyboard('e')
  const picker = within(screen.getByRole('dialog', { name: 'Reactions' }))
  expect(picker.getAllByRole('button')).toHaveLength(8)
  await expectAccessible()
  for (let count = 0; count < 10; count++) fireEvent.click(picker.getByRole('button', { name: 'applause' }))
  expect(socket.sent.filter(({ type }) => type === 'reaction')).toHaveLength(8)
  expect(screen.getAllByText(/That was a lot at once/).length).toBeGreaterThan(0)
})

it('talks while the space bar is held, and not while something is typed', async () => {
  const { devices, arrive } = heldMicrophone()
  const local = new LocalMedia(devices)
  local.attach()
  await enterWith(local, ['a', 'Ana'])
  const on = vi.spyOn(local, 'turnOn')
  const off = vi.spyOn(local, 'turnOff')
  fireEvent.keyDown(document.body, { key: ' ' })
  fireEvent.keyDown(document.body, { key: ' ', repeat: true })
  expect(on).toHaveBeenCalledTimes(1)
  expect(screen.getByText('Opening the microphone…')).toBeTruthy()
  expect(screen.queryByText(/You are on while you hold/)).toBeNull()
  await act(arrive)
  expect(screen.getByText(/You are on while you hold/)).toBeTruthy()
  await act(async () => fireEvent.keyUp(document.body, { key: ' ' }))
  expect(off).toHaveBeenCalledWith('audio')
  expect(screen.queryByText(/You are on while you hold/)).toBeNull()

  fireEvent.keyDown(document.body, { key: ' ' })
  off.mockClear()
  fireEvent.blur(window) // whoever goes to another window is not heard any more
  expect(off).toHaveBeenCalledTimes(1)

  on.mockClear()
  await userEvent.keyboard('c')
  await userEvent.keyboard('a b')
  expect(on).not.toHaveBeenCalled()
  expect(screen.getByRole('textbox', { name: 'Message' })).toHaveProperty('value', 'a b')
})

it('does not say that one is on when there is no microphone', async () => {
  await enter(['a', 'Ana'])
  fireEvent.keyDown(document.body, { key: ' ' })
  expect(screen.queryByText(/You are on while you hold/)).toBeNull()
  expect(screen.getAllByText(/only on secure pages/).length).toBeGreaterThan(0)
})

it('goes on at the stage when one comes in', async () => {
  await enter(['a', 'Ana'])
  expect(document.activeElement).toBe(screen.getByRole('main'))
})

it('steps back with its controls, which then take no clicks, and comes back after a tap is over', async () => {
  await enter(['a', 'Ana'])
  vi.useFakeTimers()
  try {
    const bars = [screen.getByRole('contentinfo', { name: 'Call controls' }), screen.getByRole('banner')]
    const away = () => bars.map(({ className }) => className.includes('pointer-events-none'))
    fireEvent.keyDown(document.body, { key: 'x' })
    expect(away()).toEqual([false, false])
    act(() => void vi.advanceTimersByTime(4_000))
    expect(away()).toEqual([true, true])
    fireEvent.pointerDown(document.body, { pointerType: 'touch' })
    act(() => void vi.advanceTimersByTime(300))
    expect(away()).toEqual([true, true])
    act(() => void vi.advanceTimersByTime(100))
    expect(away()).toEqual([false, false])
    act(() => void vi.advanceTimersByTime(4_000))
    fireEvent.pointerMove(document.body, { pointerType: 'mouse' })
    expect(away()).toEqual([false, false])
  } finally {
    vi.useRealTimers()
  }
})

it('tells of people at the door in the title, on the button and over the sheet of a phone', async () => {
  const { matchMedia } = window
  window.matchMedia = (query) => ({ ...matchMedia(query), matches: false })
  try {
    const { socket } = await enter(['a', 'Ana'])
    await userEvent.click(screen.getByRole('button', { name: 'Chat' }))
    const sheet = within(screen.getByRole('dialog', { name: 'Chat' }))
    socket.receive({ type: 'role', clientId: 'me', role: 'host' })
    socket.receive({ type: 'lobby', waiting: [{ id: 'k', displayName: 'Ben' }] })
    expect(document.title).toBe('🚪 Stand-up · Chatter')
    await userEvent.click(sheet.getByRole('button', { name: 'Admit' }))
    expect(socket.sent.at(-1)).toMatchObject({ type: 'admit', clientId: 'k' })
    expect(screen.getByRole('dialog', { name: 'Chat' })).toBeTruthy()
    await userEvent.click(sheet.getByRole('button', { name: 'Close panel' }))
    expect(screen.getByRole('button', { name: 'People, 2 in the call, 1 waiting' })).toBeTruthy()
  } finally {
    window.matchMedia = matchMedia
  }
})

it('ends the menu with what ends the call for all, apart, and offers no keys to fingers', async () => {
  const { socket } = await enter(['a', 'Ana'])
  socket.receive({ type: 'role', clientId: 'me', role: 'host' })
  const items = async () => {
    await userEvent.click(screen.getByRole('button', { name: 'More' }))
    const menu = screen.getByRole('menu')
    const names = [...menu.querySelectorAll('[role^=menuitem], [role=separator]')].map(
      (item) => item.textContent || item.role,
    )
    await userEvent.keyboard('{Escape}')
    return names
  }
  const all = await items()
  expect(all.slice(-2)).toEqual(['separator', 'End call for everyone…'])
  expect(all.filter((name) => name?.startsWith('Keyboard shortcuts'))).toHaveLength(1)

  const { matchMedia } = window
  window.matchMedia = (query) => ({ ...matchMedia(query), matches: query.includes('coarse') })
  try {
    socket.receive(raise('a', 1)) // shows the screen anew
    expect((await items()).filter((name) => name?.startsWith('Keyboard shortcuts'))).toEqual([])
  } finally {
    window.matchMedia = matchMedia
  }
})

it('says of a wide screen what it is on the picture, not on the bars below', async () => {
  const { socket } = await enter(['a', 'Ana'], ['b', 'Bo'])
  socket.receive({ type: 'media', clientId: 'a', audio: true, video: false, screen: true })
  const tile = screen.getByRole('article', { name: 'Screen of Ana' })
  const video = tile.querySelector('video')!
  const tag = within(tile).getByText('Screen of Ana').closest<HTMLElement>('[style]')!
  expect(tag.style.bottom).toBe('0px')
  Object.defineProperties(video, { videoWidth: { value: 4_000 }, videoHeight: { value: 1_000 } })
  fireEvent(video, new Event('resize'))
  const { width, height } = tile.style
  expect(parseFloat(tag.style.bottom)).toBeCloseTo((parseFloat(height) - parseFloat(width) / 4) / 2)
})

it('leaves the space bar to a button that was reached with Tab', async () => {
  const { local } = await enter(['a', 'Ana'])
  const on = vi.spyOn(local, 'turnOn').mockResolvedValue(undefined)
  const button = screen.getByRole('button', { name: 'Raise hand' })
  fireEvent.keyDown(document.body, { key: 'Tab' })
  button.focus()
  fireEvent.keyDown(button, { key: ' ' })
  expect(on).not.toHaveBeenCalled()
  fireEvent.pointerDown(button)
  fireEvent.keyDown(button, { key: ' ' })
  expect(on).toHaveBeenCalledTimes(1)
})

it('lists the keys and lets one switch them off', async () => {
  const { socket } = await enter(['a', 'Ana'])
  await userEvent.keyboard('?')
  await userEvent.click(screen.getByRole('switch'))
  await expectAccessible()
  await userEvent.keyboard('{Escape}h')
  expect(socket.sent.filter(({ type }) => type === 'hand')).toEqual([])
  await userEvent.keyboard('?')
  await userEvent.click(screen.getByRole('switch'))
  await userEvent.keyboard('{Escape}h')
  expect(socket.sent.filter(({ type }) => type === 'hand')).toHaveLength(1)
})

it('keeps what is being typed, sends it after a lost connection, and marks what is new', async () => {
  const { socket } = await enter(['a', 'Ana'])
  const chat = (id: string, text: string) =>
    socket.receive({ type: 'chat', from: 'a', displayName: 'Ana', text, id, ts: Number(id) })
  chat('1', 'first')
  await userEvent.keyboard('c')
  expect(screen.getByText('New messages')).toBeTruthy()
  await userEvent.keyboard('half a')
  await userEvent.keyboard('{Escape}')
  socket.drop(1006)
  await userEvent.click(screen.getByRole('button', { name: 'Chat' }))
  const field = screen.getByRole('textbox', { name: 'Message' })
  expect(field).toHaveProperty('value', 'half a')
  expect(screen.queryByText('New messages')).toBeNull()
  expect(screen.getByText(/goes out as soon as the connection is back/)).toBeTruthy()
  await userEvent.type(field, '{Enter}')
  expect(screen.getByText('half a')).toBeTruthy()
  await expectAccessible()
})

it('counts in the title of the tab', async () => {
  const { socket, unmount } = await enter(['a', 'Ana'])
  expect(document.title).toBe('Stand-up · Chatter')
  socket.receive({ type: 'chat', from: 'a', displayName: 'Ana', text: 'hi', id: '1', ts: 1 })
  socket.receive(raise('a', 2))
  expect(document.title).toBe('(1) ✋ Stand-up · Chatter')
  await userEvent.keyboard('c')
  expect(document.title).toBe('✋ Stand-up · Chatter')
  unmount()
  expect(document.title).toBe('Stand-up · Chatter')
})
