import { beforeEach, describe, expect, it, vi } from 'vitest'
import { parseFrame, RefusedError, Signaling, type SocketLike } from '@/call/signaling'

class FakeSocket implements SocketLike {
  readyState = 1
  onopen: SocketLike['onopen'] = null
  onmessage: SocketLike['onmessage'] = null
  onclose: SocketLike['onclose'] = null
  readonly sent: string[] = []
  readonly url: string
  closedWith: number | undefined

  constructor(url: string) {
    this.url = url
  }

  send = (data: string) => void this.sent.push(data)
  close = (code?: number) => {
    this.closedWith = code
  }

  receive = (data: unknown) => this.onmessage?.({ data } as MessageEvent)
  drop = (code: number) => this.onclose?.({ code } as CloseEvent)
}

let sockets: FakeSocket[]
let address: ReturnType<typeof vi.fn<() => Promise<string>>>
const onFrame = vi.fn()
const onClosed = vi.fn()
const onRefused = vi.fn()

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
  })
}

beforeEach(() => {
  sockets = []
  address = vi.fn(() => Promise.resolve('ws://host/ws/room?ticket=t'))
  onFrame.mockReset()
  onClosed.mockReset()
  onRefused.mockReset()
})

describe('Signaling', () => {
  it('asks for an address each time, so that each ticket is used once', async () => {
    const signaling = create()
    await signaling.connect()
    sockets[0]?.drop(1006)
    await signaling.connect()
    expect(address).toHaveBeenCalledTimes(2)
    expect(sockets.map(({ url }) => url)).toEqual([
      'ws://host/ws/room?ticket=t',
      'ws://host/ws/room?ticket=t',
    ])
  })

  it('opens one socket, however often it is asked', async () => {
    const signaling = create()
    await Promise.all([signaling.connect(), signaling.connect()])
    await signaling.connect()
    expect(sockets).toHaveLength(1)
  })

  it('passes on frames it knows and leaves out all others', async () => {
    await create().connect()
    sockets[0]?.receive('{"type":"ack","id":3,"seq":1}')
    sockets[0]?.receive('{"type":"hologram","seq":2}')
    sockets[0]?.receive('not json')
    sockets[0]?.receive(new ArrayBuffer(2))
    expect(onFrame.mock.calls).toEqual([[{ type: 'ack', id: 3, seq: 1 }]])
  })

  it('reports a close with its code', async () => {
    await create().connect()
    sockets[0]?.drop(4504)
    expect(onClosed.mock.calls).toEqual([[4504]])
  })

  it('counts a failed address as a lost connection and a refusal as final', async () => {
    address.mockRejectedValueOnce(new Error('offline'))
    await create().connect()
    expect(onClosed.mock.calls).toEqual([[1006]])
    address.mockRejectedValueOnce(new RefusedError('signed_out'))
    await create().connect()
    expect(onRefused.mock.calls).toEqual([['signed_out']])
    expect(sockets).toEqual([])
  })

  it('hears nothing more of a socket it has closed', async () => {
    const signaling = create()
    await signaling.connect()
    signaling.disconnect()
    expect(sockets[0]?.closedWith).toBe(1000)
    sockets[0]?.receive('{"type":"ack","id":1,"seq":1}')
    sockets[0]?.drop(1000)
    expect(onFrame).not.toHaveBeenCalled()
    expect(onClosed).not.toHaveBeenCalled()
  })

  it('opens nothing when it was disconnected while waiting for the address', async () => {
    const signaling = create()
    const connecting = signaling.connect()
    signaling.disconnect()
    await connecting
    expect(sockets).toEqual([])
  })

  it('sends only on an open socket', async () => {
    const signaling = create()
    signaling.send({ type: 'leave' })
    await signaling.connect()
    signaling.send({ type: 'chat', text: 'hi', id: 1 })
    if (sockets[0]) sockets[0].readyState = 2
    signaling.send({ type: 'leave' })
    expect(sockets[0]?.sent).toEqual(['{"type":"chat","text":"hi","id":1}'])
  })
})

describe('parseFrame', () => {
  it.each(['null', '[]', '3', '{"type":4}', '{}', ''])('takes %s for nothing', (data) => {
    expect(parseFrame(data)).toBeNull()
  })
})
