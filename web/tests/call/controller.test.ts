import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Call } from '@/call/controller'
import { LocalMedia, type Devices } from '@/call/media'
import type { Notice } from '@/call/notice'
import { watchSurroundings, type Change } from '@/call/surroundings'
import { FakeServer } from './fake-server'

let server: FakeServer
let call: Call
let change: (change: Change) => void
let notices: Notice[]

const track = (kind: string) =>
  Object.assign(new EventTarget(), {
    kind,
    enabled: true,
    readyState: 'live',
    label: kind,
    stop: () => undefined,
    getSettings: () => ({}),
  }) as unknown as MediaStreamTrack

const devices: Devices = {
  getUserMedia: async (wanted) => new MediaStream([track(wanted?.audio ? 'audio' : 'video')]),
  enumerateDevices: async () => [],
  addEventListener: () => undefined,
  removeEventListener: () => undefined,
}

/** Carry everything to and fro; no time passes. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    await vi.advanceTimersByTimeAsync(0)
    server.open()
    server.arriveAtServer()
    server.arriveAtClient()
  }
}

beforeEach(async () => {
  vi.useFakeTimers()
  server = new FakeServer()
  notices = []
  const media = new LocalMedia(devices)
  media.attach()
  await media.turnOn('audio')
  call = new Call({
    media,
    address: () => Promise.resolve('ws://host/ws/room'),
    createSocket: server.createSocket,
    createConnection: () => {
      throw new Error('nobody else is here')
    },
    watch: (tell) => {
      change = tell
      return () => undefined
    },
    random: () => 0,
  })
  call.onNotice((notice) => notices.push(notice))
  call.join('Me', { guestId: 'g'.repeat(16) })
  await settle()
})
afterEach(() => {
  call.dispose()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

const handled = (type: string) => server.handled.filter((frame) => frame.type === type)

it('comes in and says what is on', () => {
  expect(call.state()).toMatchObject({ phase: 'in', media: { audio: true, video: false } })
  expect(handled('media')).toMatchObject([{ audio: true, video: false, screen: false }])
})

it('asks a silent server for a sign of life, and dials again when there is none', async () => {
  for (let passed = 0; passed < 15_000; passed += 1_000) {
    await vi.advanceTimersByTimeAsync(1_000)
    await settle()
  }
  expect(handled('ack').some(({ id }) => id !== undefined)).toBe(true)
  expect(call.state().reconnecting).toBe(false)
  // Now nothing gets through.
  await vi.advanceTimersByTimeAsync(19_000)
  expect(call.state()).toMatchObject({ phase: 'in', reconnecting: true })
  await settle()
  expect(call.state().reconnecting).toBe(false)
  expect(server.resumes).toBe(1)
})

it('asks at once when the browser gives reason to doubt', async () => {
  change('doubt')
  await vi.advanceTimersByTimeAsync(3_000)
  expect(call.state().reconnecting).toBe(true)
})

it('does not doubt a server that answers', async () => {
  change('network')
  await settle()
  await vi.advanceTimersByTimeAsync(3_000)
  expect(call.state().reconnecting).toBe(false)
})

it('notices by the clock that the machine slept', async () => {
  vi.setSystemTime(Date.now() + 60_000)
  await vi.advanceTimersByTimeAsync(5_000)
  await vi.advanceTimersByTimeAsync(3_000)
  expect(call.state().reconnecting).toBe(true)
})

it('turns the device off when someone muted it, and says so once', async () => {
  server.tell({ type: 'muted', clientId: 'me', media: 'audio', by: 'nobody' })
  await settle()
  expect(call.state().media.audio).toBe(false)
  expect(notices).toEqual([{ kind: 'mutedBy', media: 'audio', by: null }])
  expect(handled('media')).toMatchObject([{ audio: true }, { audio: false }])
})

it('leaves when the page goes, for good', async () => {
  change('gone')
  expect(call.state()).toMatchObject({ phase: 'ended', ended: { reason: 'left' } })
  expect(server.connected).toBe(false)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(server.connected).toBe(false)
})

it('can be joined again after it ended', async () => {
  call.dispatch({ type: 'leave' })
  call.join('Me again')
  await settle()
  expect(call.state()).toMatchObject({
    phase: 'in',
    displayName: 'Me again',
    entry: { guestId: 'g'.repeat(16) },
  })
})

it('watches the browser for what may have moved the line', () => {
  const [page, view, network] = [new EventTarget(), new EventTarget(), new EventTarget()]
  vi.stubGlobal('window', view)
  vi.stubGlobal('document', Object.assign(page, { visibilityState: 'visible' }))
  vi.stubGlobal('navigator', { connection: Object.assign(network, { type: 'wifi' }) })
  const told: Change[] = []
  const stop = watchSurroundings((one) => told.push(one))
  view.dispatchEvent(new Event('online'))
  page.dispatchEvent(new Event('visibilitychange'))
  Object.assign(document, { visibilityState: 'hidden' })
  page.dispatchEvent(new Event('visibilitychange'))
  // Only the guess of its speed changed.
  network.dispatchEvent(new Event('change'))
  Object.assign(network, { type: 'cellular' })
  network.dispatchEvent(new Event('change'))
  view.dispatchEvent(new Event('pagehide'))
  expect(told).toEqual(['network', 'doubt', 'doubt', 'network', 'gone'])
  stop()
  view.dispatchEvent(new Event('online'))
  expect(told).toHaveLength(5)
  vi.unstubAllGlobals()
})
