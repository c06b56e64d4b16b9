import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { SocketTrouble } from '@/call/incident'
import { Incoming } from '@/call/incoming'
import { Outgoing } from '@/call/outgoing'
import { parseFrame, RefusedError, Signaling, type Need } from '@/call/signaling'
import type { Dial } from '@/call/types'
import type { ReportPath, ServerMessage } from '@/protocol/messages'
import { FakeSocket } from './fake-server'

let sockets: FakeSocket[]
let address: ReturnType<typeof vi.fn<(need: Need) => Promise<string>>>
const onFrame = vi.fn()
const onClosed = vi.fn()
const onRefused = vi.fn()
const reportTrouble = vi.fn<(trouble: SocketTrouble) => Promise<void>>()

const HELLO: Dial = { hello: { displayName: 'Me', password: 'p' }, resume: null, refresh: false }
const RESUME: Dial = { ...HELLO, resume: { token: 't', until: Number.MAX_SAFE_INTEGER } }

function create() {
  return new Signaling({
    address,
    createSocket: (url) => {
      const socket = new FakeSocket(url)
      sockets.push(socket)
      return socket
    },
    onFrame,
    onClosed,
    onRefused,
    reportTrouble,
  })
}

/** Connected, welcomed, and everything sent so far forgotten. */
async function createLive() {
  const signaling = create()
  await signaling.connect(HELLO)
  const socket = sockets[0]!
  socket.open()
  socket.receive({ type: 'welcome', seq: 1 })
  socket.sent.length = 0
  return { signaling, socket }
}

beforeEach(() => {
  vi.useFakeTimers()
  sockets = []
  address = vi.fn(() => Promise.resolve('ws://host/ws/room?ticket=t'))
  onFrame.mockReset()
  onClosed.mockReset()
  onRefused.mockReset()
  reportTrouble.mockReset().mockResolvedValue()
})
afterEach(() => vi.useRealTimers())

describe('opening', () => {
  it('says hello, with no credential in the address but the ticket', async () => {
    await create().connect(HELLO)
    sockets[0]!.open()
    expect(sockets[0]!.url).toBe('ws://host/ws/room?ticket=t&v=2')
    expect(sockets[0]!.sent).toEqual([{ type: 'hello', displayName: 'Me', password: 'p' }])
    expect(address).toHaveBeenCalledWith({ resume: false, refresh: false })
  })

  it('asks for an address each time, so that each ticket is used once', async () => {
    const signaling = create()
    await signaling.connect(HELLO)
    sockets[0]?.drop(1006)
    await signaling.connect({ ...RESUME, refresh: true })
    expect(address.mock.calls).toEqual([
      [{ resume: false, refresh: false }],
      [{ resume: true, refresh: true }],
    ])
    expect(sockets).toHaveLength(2)
  })

  it('opens one socket, however often it is asked', async () => {
    const signaling = create()
    await Promise.all([signaling.connect(HELLO), signaling.connect(HELLO)])
    await signaling.connect(HELLO)
    expect(sockets).toHaveLength(1)
  })

  it('counts a failed address as a lost connection and a refusal as final', async () => {
    address.mockRejectedValueOnce(new Error('offline'))
    await create().connect(HELLO)
    expect(onClosed.mock.calls).toEqual([[1006, false]])
    address.mockRejectedValueOnce(new RefusedError('signed_out'))
    await create().connect(HELLO)
    expect(onRefused.mock.calls).toEqual([['signed_out']])
    expect(sockets).toEqual([])
  })

  it('gives up a dial that hangs', async () => {
    await create().connect(HELLO)
    await vi.advanceTimersByTimeAsync(8_000)
    expect(onClosed.mock.calls).toEqual([[1006, false]])
    expect(sockets[0]!.closedWith).toBe(1000)
  })

  it('dials anew when there is reason to, if the present dial is slow', async () => {
    const signaling = create()
    await signaling.connect(HELLO)
    await vi.advanceTimersByTimeAsync(1_000)
    await signaling.connect(HELLO)
    expect(sockets).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1_000)
    await signaling.connect(HELLO)
    expect(sockets).toHaveLength(2)
    expect(onClosed).not.toHaveBeenCalled()
  })

  it('opens nothing when it was disconnected while waiting for the address', async () => {
    const signaling = create()
    const connecting = signaling.connect(HELLO)
    signaling.disconnect(true)
    await connecting
    expect(sockets).toEqual([])
  })
})

describe('closing', () => {
  it('reports a close with its code', async () => {
    await createLive()
    sockets[0]?.drop(4504)
    expect(onClosed.mock.calls).toEqual([[4504, false]])
  })

  it('hears nothing more of a socket it has closed', async () => {
    const { signaling, socket } = await createLive()
    signaling.disconnect(true)
    expect(socket.closedWith).toBe(1000)
    onFrame.mockReset()
    socket.receive({ type: 'chat', seq: 2 })
    socket.drop(1000)
    expect(onFrame).not.toHaveBeenCalled()
    expect(onClosed).not.toHaveBeenCalled()
  })

  it('gives a socket up without ending the session', async () => {
    const { signaling, socket } = await createLive()
    signaling.disconnect(false)
    expect(socket.closedWith).toBe(4100)
  })

  it('leaves no ghost: ends a session that was begun too slowly', async () => {
    const signaling = create()
    await signaling.connect(HELLO)
    sockets[0]!.open()
    await vi.advanceTimersByTimeAsync(8_000)
    expect(sockets[0]!.closedWith).toBe(1000)
    await signaling.connect(HELLO)
    sockets[1]!.open()
    await vi.advanceTimersByTimeAsync(2_000)
    await signaling.connect(HELLO)
    expect(sockets[1]!.closedWith).toBe(1000)
  })

  it('ends a session that it can no longer go on with', async () => {
    const { signaling, socket } = await createLive()
    for (let id = 1; id <= 513; id++) signaling.send({ type: 'chat', text: 'x', id })
    signaling.disconnect(false)
    expect(socket.closedWith).toBe(1000)
  })

  it('keeps a session that is slow to go on', async () => {
    const { signaling } = await createLive()
    sockets[0]!.drop(1006)
    await signaling.connect(RESUME)
    sockets[1]!.open()
    await vi.advanceTimersByTimeAsync(8_000)
    expect(sockets[1]!.closedWith).toBe(4100)
  })

  it('suspects its own late dial of a take-over, once', async () => {
    const { signaling } = await createLive()
    sockets[0]!.drop(1006)
    await signaling.connect(RESUME)
    sockets[1]!.open()
    await vi.advanceTimersByTimeAsync(8_000)
    await signaling.connect(RESUME)
    sockets[2]!.open()
    sockets[2]!.receive({ type: 'resumed', clientId: 'me' })
    sockets[2]!.drop(4507)
    expect(onClosed).toHaveBeenLastCalledWith(4507, true)
    await signaling.connect(RESUME)
    sockets[3]!.drop(4507)
    expect(onClosed).toHaveBeenLastCalledWith(4507, false)
  })
})

describe('a socket that cannot be had', () => {
  const told = () => reportTrouble.mock.calls.map(([trouble]) => trouble)
  const dialInVain = async (signaling: Signaling, dial = HELLO, code = 1006) => {
    await signaling.connect(dial)
    sockets.at(-1)!.drop(code)
  }

  it('is told once after three that never opened', async () => {
    const signaling = create()
    for (const told of [0, 0, 1, 1, 1]) {
      await dialInVain(signaling)
      expect(reportTrouble).toHaveBeenCalledTimes(told)
    }
    expect(told()).toEqual([{ reason: 'socket_blocked', attempts: 3, closeCode: 1006 }])
  })

  it('is told as well when the dial hangs, or may not even begin', async () => {
    const signaling = create()
    await signaling.connect(HELLO)
    await vi.advanceTimersByTimeAsync(8_000)
    await signaling.connect(HELLO)
    await vi.advanceTimersByTimeAsync(8_000)
    address.mockResolvedValueOnce('not an address')
    await signaling.connect(HELLO)
    expect(told()).toEqual([{ reason: 'socket_blocked', attempts: 3, closeCode: 1006 }])
  })

  it('is told when HTTP passes again, if it did not at first', async () => {
    reportTrouble.mockRejectedValueOnce(new Error('offline'))
    const signaling = create()
    for (let dials = 0; dials < 6; dials++) await dialInVain(signaling)
    expect(told().map(({ attempts }) => attempts)).toEqual([3, 4])
  })

  it('is another matter than an address that cannot be had, and a server that says no', async () => {
    const signaling = create()
    address.mockRejectedValueOnce(new Error('offline'))
    await signaling.connect(HELLO)
    await dialInVain(signaling)
    await dialInVain(signaling)
    await signaling.connect({ ...RESUME, resume: { token: 't', until: 0 } })
    sockets.at(-1)!.open()
    sockets.at(-1)!.drop(4504)
    expect(told()).toEqual([])
  })

  it('is not blocked where one opened', async () => {
    const signaling = create()
    await signaling.connect(HELLO)
    sockets[0]!.open()
    sockets[0]!.drop(1006)
    for (let dials = 0; dials < 4; dials++) await dialInVain(signaling)
    expect(told()).toEqual([])
  })

  it('is told as lost once there is no session to go on with', async () => {
    const { signaling } = await createLive()
    sockets[0]!.drop(1006)
    const resume = { ...RESUME, resume: { token: 't', until: Date.now() + 1_000 } }
    await signaling.connect(resume)
    sockets.at(-1)!.open()
    sockets.at(-1)!.drop(1011)
    expect(told()).toEqual([])
    await vi.advanceTimersByTimeAsync(1_000)
    await dialInVain(signaling, resume, 1011)
    expect(told()).toEqual([{ reason: 'socket_lost', attempts: 2, closeCode: 1011 }])
  })

  it('is a new incident after one that led in, and after leaving', async () => {
    const { signaling } = await createLive()
    sockets[0]!.drop(1006)
    for (let dials = 0; dials < 3; dials++) await dialInVain(signaling, RESUME)
    await signaling.connect(RESUME)
    sockets.at(-1)!.open()
    sockets.at(-1)!.receive({ type: 'resumed', clientId: 'me' })
    sockets.at(-1)!.drop(1006)
    for (let dials = 0; dials < 2; dials++) await dialInVain(signaling, RESUME)
    expect(reportTrouble).toHaveBeenCalledTimes(1)
    await dialInVain(signaling, RESUME)
    expect(reportTrouble).toHaveBeenCalledTimes(2)
    signaling.disconnect(true)
    for (let dials = 0; dials < 3; dials++) await dialInVain(signaling)
    expect(told().map(({ attempts }) => attempts)).toEqual([3, 3, 3])
  })

  it('is kept to itself where nobody listens', async () => {
    const signaling = new Signaling({
      address,
      createSocket: () => {
        throw new DOMException('not from here', 'SecurityError')
      },
      onFrame,
      onClosed,
      onRefused,
    })
    for (let dials = 0; dials < 4; dials++) await signaling.connect(HELLO)
    expect(onClosed).toHaveBeenCalledTimes(4)
  })
})

describe('a session', () => {
  const chat = (id: number) => ({ type: 'chat', text: `text ${id}`, id }) as const

  it('sends again what was not handled, after what the server missed, and nothing twice', async () => {
    const { signaling, socket } = await createLive()
    for (const id of [1, 2, 3]) signaling.send(chat(id))
    socket.receive({ type: 'ack', id: 1 })
    socket.drop(1006)
    signaling.send(chat(4))
    await signaling.connect(RESUME)
    const again = sockets[1]!
    again.open()
    expect(again.sent).toEqual([{ type: 'resume', resumeToken: 't', lastSeq: 1 }])
    again.receive({ type: 'resumed', clientId: 'me', lastId: 2 })
    signaling.send(chat(5))
    expect(again.sent.slice(1)).toEqual([chat(3), chat(4), chat(5)])
  })

  it('hears each frame once, and nothing before it goes on', async () => {
    const { signaling, socket } = await createLive()
    socket.receive({ type: 'chat', seq: 2 })
    socket.drop(1006)
    await signaling.connect(RESUME)
    onFrame.mockReset()
    sockets[1]!.open()
    sockets[1]!.receive({ type: 'error', code: 'state_lost', seq: 1 })
    sockets[1]!.receive({ type: 'resumed', clientId: 'me' })
    for (const seq of [2, 3]) sockets[1]!.receive({ type: 'chat', seq })
    expect(onFrame.mock.calls).toEqual([[{ type: 'resumed', clientId: 'me' }], [{ type: 'chat', seq: 3 }]])
  })

  it('takes a gap for a broken connection, and one that stays for a broken session', async () => {
    const { signaling, socket } = await createLive()
    socket.receive({ type: 'chat', seq: 3 })
    expect(onClosed).toHaveBeenLastCalledWith(1006, false)
    await signaling.connect(RESUME)
    sockets[1]!.open()
    expect(sockets[1]!.sent).toMatchObject([{ lastSeq: 1 }])
    sockets[1]!.receive({ type: 'resumed', clientId: 'me' })
    expect(socket.closedWith).toBe(4100)
    sockets[1]!.receive({ type: 'chat', seq: 3 })
    expect(onClosed).toHaveBeenLastCalledWith(4002, false)
    expect(sockets[1]!.closedWith).toBe(1000)
  })

  it('begins anew after a welcome', async () => {
    const { signaling, socket } = await createLive()
    signaling.send(chat(1))
    socket.drop(1006)
    await signaling.connect(HELLO)
    sockets[1]!.open()
    sockets[1]!.receive({ type: 'welcome', seq: 1 })
    expect(onFrame).toHaveBeenLastCalledWith({ type: 'welcome', seq: 1 })
    expect(sockets[1]!.sent).toMatchObject([{ type: 'hello' }])
  })

  it('says hello when the time to resume is over', async () => {
    await create().connect({ ...RESUME, resume: { token: 't', until: Date.now() } })
    sockets[0]!.open()
    expect(sockets[0]!.sent).toMatchObject([{ type: 'hello' }])
  })

  it('acknowledges at once after many frames and soon after few', async () => {
    const { socket } = await createLive()
    await vi.advanceTimersByTimeAsync(3_000)
    expect(socket.sent).toEqual([{ type: 'ack', seq: 1 }])
    for (let seq = 2; seq <= 33; seq++) socket.receive({ type: 'chat', seq })
    expect(socket.sent.at(-1)).toEqual({ type: 'ack', seq: 33 })
    await vi.advanceTimersByTimeAsync(10_000)
    expect(socket.sent).toHaveLength(2)
  })

  it('asks for a sign of life with a frame that changes nothing', async () => {
    const { signaling, socket } = await createLive()
    signaling.probe(7)
    expect(socket.sent).toEqual([{ type: 'ack', seq: 1, id: 7 }])
  })

  it('leaves out what is no frame, and passes on what a newer server says', async () => {
    const { socket } = await createLive()
    onFrame.mockReset()
    socket.onmessage?.({ data: 'not json' } as MessageEvent)
    socket.onmessage?.({ data: new ArrayBuffer(2) } as MessageEvent)
    socket.receive({ type: 'hologram' })
    socket.receive({ type: 'hologram', seq: 2 })
    socket.receive({ type: 'chat', seq: 3 })
    expect(onFrame).toHaveBeenCalledTimes(3)
    expect(onClosed).not.toHaveBeenCalled()
  })
})

describe('Outgoing', () => {
  it('keeps of what is on only the newest, as long as no server saw the older one', () => {
    const outgoing = new Outgoing()
    const media = (id: number) => ({ type: 'media', audio: id % 2 === 0, video: false, id }) as const
    outgoing.add(media(1), true)
    outgoing.add(media(2), false)
    outgoing.add({ type: 'chat', text: 'x', id: 3 }, false)
    outgoing.add(media(4), false)
    expect(outgoing.resume(undefined).map(({ id }) => id)).toEqual([1, 3, 4])
  })

  describe('reports of paths', () => {
    const path = (id: number, state: ReportPath['state'], clientId = 'a', connection = 'c1') =>
      ({ type: 'path', clientId, connection, state, reason: 'state', id }) as const
    const kept = (...reports: readonly ReportPath[]) => {
      const outgoing = new Outgoing()
      for (const report of reports) outgoing.add(report, false)
      return outgoing.resume(undefined).map(({ id }) => id)
    }

    it('make way for one that tells all they did', () => {
      expect(kept(path(1, 'connecting'), path(2, 'connected'))).toEqual([2])
      expect(kept(path(1, 'new'), path(2, 'connecting'), path(3, 'failed'))).toEqual([3])
    })

    it('stay when the newer one tells less, or of another', () => {
      expect(kept(path(1, 'failed'), path(2, 'connecting'), path(3, 'connected'))).toEqual([1, 3])
      expect(kept(path(1, 'connected'), path(2, 'disconnected'), path(3, 'connected'))).toEqual([1, 2, 3])
      expect(kept(path(1, 'connecting'), path(2, 'connected', 'b'))).toEqual([1, 2])
      expect(kept(path(1, 'connecting'), path(2, 'connected', 'a', 'c2'))).toEqual([1, 2])
      const restart = { ...path(2, 'connecting'), reason: 'ice_restart' } as const
      expect(kept(path(1, 'connecting'), restart, path(3, 'connected'))).toEqual([1, 2, 3])
    })

    it('stay when they went out, for the server may have them', () => {
      const outgoing = new Outgoing()
      outgoing.add(path(1, 'connecting'), true)
      outgoing.add(path(2, 'connected'), false)
      expect(outgoing.resume(undefined).map(({ id }) => id)).toEqual([1, 2])
    })

    it('never cost the session', () => {
      const outgoing = new Outgoing()
      for (let id = 1; id <= 2_000; id++) outgoing.add(path(id, 'failed'), false)
      expect(outgoing.overflowed).toBe(false)
      expect(outgoing.size).toBe(256)
      outgoing.add({ type: 'chat', text: 'x', id: 2_001 }, false)
      expect(outgoing.resume(undefined).at(-1)).toMatchObject({ type: 'chat' })
    })
  })

  it('gives the session up when it cannot keep everything', () => {
    const outgoing = new Outgoing()
    for (let id = 1; id <= 512; id++) outgoing.add({ type: 'chat', text: 'x', id }, false)
    expect(outgoing.overflowed).toBe(false)
    outgoing.add({ type: 'chat', text: 'x', id: 513 }, false)
    expect(outgoing.overflowed).toBe(true)
    expect(outgoing.resume(undefined)).toEqual([])
    outgoing.clear()
    expect(outgoing.overflowed).toBe(false)
  })
})

it('Incoming owes what it was not yet asked to acknowledge', () => {
  const incoming = new Incoming()
  const take = (seq: number) => incoming.take({ type: 'chat', seq } as ServerMessage)
  expect([take(1), take(2), take(2), take(4)]).toEqual(['new', 'new', 'seen', 'gap'])
  expect([incoming.last, incoming.owed]).toEqual([2, 2])
  expect(incoming.acknowledge()).toBe(2)
  expect(incoming.owed).toBe(0)
})

describe('parseFrame', () => {
  it.each(['null', '[]', '3', '{"type":4}', '{}', ''])('takes %s for nothing', (data) => {
    expect(parseFrame(data)).toBeNull()
  })
})
