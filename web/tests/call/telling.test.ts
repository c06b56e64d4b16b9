/** What a call with someone in it tells the server of its media, from the devices to the socket. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Call } from '@/call/controller'
import type { SocketTrouble } from '@/call/incident'
import { LocalMedia, type Devices } from '@/call/media'
import { FakePeerConnection } from './fake-peer'
import { FakeServer } from './fake-server'

let server: FakeServer
let call: Call
let media: LocalMedia
let connections: FakePeerConnection[]
let fault: string
const reportTrouble = vi.fn<(trouble: SocketTrouble) => Promise<void>>()

const devices: Devices = {
  getUserMedia: () => Promise.reject(new DOMException('no', fault)),
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

/** Let so much time pass on a line that works. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1_000) {
    await vi.advanceTimersByTimeAsync(1_000)
    await vi.dynamicImportSettled()
    await settle()
  }
}

async function connect(id: string): Promise<FakePeerConnection> {
  server.tell({ type: 'presence', action: 'join', clientId: id, polite: true, ts: 0 })
  await settle()
  const connection = connections.at(-1)!
  connection.become('connected')
  await settle()
  return connection
}

beforeEach(async () => {
  vi.useFakeTimers()
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  reportTrouble.mockReset().mockResolvedValue()
  server = new FakeServer()
  connections = []
  fault = 'NotReadableError'
  media = new LocalMedia(devices)
  media.attach()
  call = new Call({
    media,
    address: () => Promise.resolve('ws://host/ws/room'),
    createSocket: server.createSocket,
    createConnection: (config) => {
      const connection = new FakePeerConnection(config)
      connections.push(connection)
      return connection as unknown as RTCPeerConnection
    },
    reportTrouble,
    random: () => 0,
  })
})
afterEach(() => {
  call.dispose()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

const handled = (type: string) => server.handled.filter((frame) => frame.type === type)

it('tells a device that failed before joining after it, and each further change once', async () => {
  await media.turnOn('audio')
  call.join('Me')
  await settle()
  expect(handled('trouble')).toMatchObject([{ media: 'audio', reason: 'in_use' }])
  await media.turnOn('audio')
  await media.turnOn('audio')
  await settle()
  expect(handled('trouble')).toHaveLength(1)
  fault = 'NotAllowedError'
  await media.turnOn('audio')
  await media.turnOn('video')
  await settle()
  expect(handled('trouble').slice(1)).toMatchObject([
    { media: 'audio', reason: 'permission' },
    { media: 'video', reason: 'permission' },
  ])
})

it('tells how media flows every ten seconds, once it does', async () => {
  call.join('Me')
  await settle()
  await pass(30_000)
  expect(handled('stats')).toEqual([])
  const connection = await connect('a')
  connection.reports = [{ type: 'inbound-rtp', kind: 'audio', bytesReceived: 5_000, packetsReceived: 100 }]
  await pass(10_000)
  expect(handled('stats')).toMatchObject([{ peers: [{ clientId: 'a', bitrateIn: 4_000 }] }])
  await pass(20_000)
  expect(handled('stats')).toHaveLength(3)
  connection.become('disconnected')
  await pass(10_000)
  expect(handled('stats')).toHaveLength(3)
})

it('measures for the server and for the screen apart', async () => {
  call.join('Me')
  await settle()
  const connection = await connect('a')
  let bytes = 0
  const receive = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 1_000) {
      bytes += 1_000
      connection.reports = [{ type: 'inbound-rtp', kind: 'audio', bytesReceived: bytes }]
      await pass(1_000)
    }
  }
  await receive(9_000)
  await call.stats()
  // The digest falls between these two questions, and three questions between the digests.
  for (let time = 0; time < 3; time++) {
    await receive(2_000)
    expect((await call.stats()).get('a')).toMatchObject({ bitrateIn: 8_000 })
  }
  await receive(5_000)
  expect(handled('stats')).toMatchObject([
    { peers: [{ bitrateIn: 8_000 }] },
    { peers: [{ bitrateIn: 8_000 }] },
  ])
})

it('keeps paths while the line is lost, in order, and no digest', async () => {
  call.join('Me')
  await settle()
  const connection = await connect('a')
  server.cut(0)
  connection.become('disconnected')
  connection.become('failed')
  call.dispatch({ type: 'chat', text: 'still here?' })
  call.dispatch({ type: 'digest', peers: [{ clientId: 'a' }] })
  await settle()
  expect(server.resumes).toBe(1)
  const told = server.handled.flatMap((frame) =>
    frame.type === 'path' ? [`${frame.reason} ${frame.state}`] : frame.type === 'chat' ? [frame.text] : [],
  )
  // The line is back, and with it the chance to seek another path.
  const expected = [
    'state connected',
    'state disconnected',
    'state failed',
    'still here?',
    'ice_restart failed',
  ]
  expect(told).toEqual(expected)
  expect(handled('stats')).toEqual([])
})

it('tells nothing after leaving, nor of who left', async () => {
  call.join('Me')
  await settle()
  const [one, other] = [await connect('a'), await connect('b')]
  server.tell({ type: 'presence', action: 'leave', clientId: 'a', ts: 0 })
  await settle()
  one.become('failed')
  await pass(10_000)
  expect(handled('path').map((frame) => frame.type === 'path' && frame.clientId)).toEqual(['a', 'b'])
  expect(handled('stats')).toMatchObject([{ peers: [{ clientId: 'b' }] }])
  const { length } = server.handled
  call.dispatch({ type: 'leave' })
  other.become('failed')
  await pass(30_000)
  expect(server.handled.slice(length).map(({ type }) => type)).toEqual([])
})

it('tells over HTTP of a socket that never opens', async () => {
  call.join('Me')
  for (let dials = 0; dials < 5; dials++) {
    await vi.advanceTimersByTimeAsync(10_000)
    server.cut(0)
  }
  expect(call.state()).toMatchObject({ phase: 'ended', ended: { reason: 'unreachable' } })
  expect(reportTrouble.mock.calls).toEqual([[{ reason: 'socket_blocked', attempts: 3, closeCode: 1006 }]])
})
