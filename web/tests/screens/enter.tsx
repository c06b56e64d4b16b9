/** Someone in a call, with a made-up server on the other side of the socket. */
import { act } from '@testing-library/react'
import { expect, vi } from 'vitest'
import { Call } from '@/call/controller'
import { LocalMedia } from '@/call/media'
import type { SocketLike } from '@/call/signaling'
import { CallScreen } from '@/features/call/call-screen'
import { FakeConnection } from '../call/fake-connection'
import { room, show } from './render'

export class FakeSocket implements SocketLike {
  readyState = 1
  onopen: SocketLike['onopen'] = null
  onmessage: SocketLike['onmessage'] = null
  onclose: SocketLike['onclose'] = null
  readonly sent: { type: string }[] = []
  #seq = 0

  send = (data: string) => void this.sent.push(JSON.parse(data) as { type: string })
  close = () => undefined
  receive = (frame: object) =>
    act(() => this.onmessage?.({ data: JSON.stringify({ ...frame, seq: ++this.#seq }) } as MessageEvent))
  drop = (code: number) => act(() => this.onclose?.({ code } as CloseEvent))
}

class FakePeer extends FakeConnection {
  connectionState = 'new'
  addTransceiver = () => ({
    mid: null,
    stop: () => undefined,
    receiver: { track: { kind: 'audio' }, getSynchronizationSources: () => [] },
    sender: { replaceTrack: async () => undefined, getParameters: () => ({ encodings: [] }) },
  })
  getTransceivers = () => []
  close = () => undefined
  restartIce = () => undefined
  setConfiguration = () => undefined
  getStats = async () => new Map()
}

const media = { audio: true, video: false, screen: false }
const person = (id: string, displayName: string) => ({
  id,
  displayName,
  role: 'guest',
  media,
  link: 'ok',
  polite: true,
})

type Other = [string, string, object?]

/** Enter the call; `others` are already in it, as id, name and what differs from a plain guest. */
export function enter(...others: Other[]) {
  return enterWith(new LocalMedia(undefined), ...others)
}

/** Enter the call with these devices. */
export async function enterWith(local: LocalMedia, ...others: Other[]) {
  const socket = new FakeSocket()
  const call = new Call({
    media: local,
    address: () => Promise.resolve('ws://x'),
    createSocket: () => socket,
    createConnection: () => new FakePeer('peer') as unknown as RTCPeerConnection,
  })
  call.join('Me')
  await vi.waitFor(() => expect(socket.onmessage).not.toBeNull())
  const limits = { frameBytes: 65536, chatCodePoints: 20, displayNameCodePoints: 64, members: 8 }
  socket.receive({
    type: 'welcome',
    clientId: 'me',
    callId: '4bf92f3577b34da6a3ce929d0e0e4736',
    role: 'host',
    resumeToken: 'token',
    resumeWindowMs: 30_000,
    iceServers: [],
    iceTtlMs: 0,
    limits,
    room: { locked: false, lobby: 'off' },
  })
  const view = show(<CallScreen call={call} media={local} room={room} />)
  socket.receive({
    type: 'participants',
    participants: [
      person('me', 'Me'),
      ...others.map(([id, name, more]) => ({ ...person(id, name), ...more })),
    ],
  })
  return { ...view, call, local, socket }
}
