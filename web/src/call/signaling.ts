/** The socket of a room: opens it with fresh credentials, speaks typed frames and says when it closed. */
import type { ClientMessage, ServerMessage } from '@/protocol/messages'
import type { EndReason } from './types'

export interface SocketLike {
  readonly readyState: number
  onopen: ((event: Event) => void) | null
  onmessage: ((event: MessageEvent) => void) | null
  onclose: ((event: CloseEvent) => void) | null
  send(data: string): void
  close(code?: number): void
}

export interface SignalingOptions {
  /** The address to open, with a ticket for people who are signed in. May throw `RefusedError`. */
  readonly address: () => Promise<string>
  readonly createSocket: (url: string) => SocketLike
  readonly onFrame: (frame: ServerMessage) => void
  readonly onClosed: (code: number) => void
  readonly onRefused: (reason: EndReason) => void
}

/** There is no way in, and trying again will not help. */
export class RefusedError extends Error {
  readonly reason: EndReason

  constructor(reason: EndReason) {
    super(`refused: ${reason}`)
    this.name = 'RefusedError'
    this.reason = reason
  }
}

const OPEN = 1
const TYPES: ReadonlySet<string> = new Set<ServerMessage['type']>([
  'welcome',
  'participants',
  'presence',
  'profile',
  'chat',
  'webrtc',
  'media',
  'ack',
  'error',
])

export class Signaling {
  readonly #options: SignalingOptions
  #socket: SocketLike | null = null
  /** Grows with each connection and disconnection, so that a late answer of an old one changes nothing. */
  #generation = 0
  #connecting = false

  constructor(options: SignalingOptions) {
    this.#options = options
  }

  /** Open the socket; a no-op while one is open or being opened. */
  async connect(): Promise<void> {
    if (this.#connecting || this.#socket) return
    const generation = ++this.#generation
    this.#connecting = true
    let url: string
    try {
      url = await this.#options.address()
    } catch (error) {
      if (generation !== this.#generation) return
      this.#connecting = false
      if (error instanceof RefusedError) this.#options.onRefused(error.reason)
      else this.#options.onClosed(1006)
      return
    }
    if (generation !== this.#generation) return
    this.#connecting = false
    this.#open(url, generation)
  }

  /** Close for good; nothing is reported afterwards. */
  disconnect(): void {
    this.#generation++
    this.#connecting = false
    const socket = this.#socket
    this.#socket = null
    socket?.close(1000)
  }

  send(frame: ClientMessage): void {
    if (this.#socket?.readyState === OPEN) this.#socket.send(JSON.stringify(frame))
  }

  #open(url: string, generation: number): void {
    let socket: SocketLike
    try {
      socket = this.#options.createSocket(url)
    } catch {
      // An address that this page may not open, such as ws:// on an https page.
      this.#options.onClosed(1006)
      return
    }
    this.#socket = socket
    socket.onmessage = ({ data }) => {
      if (generation !== this.#generation) return
      const frame = parseFrame(data)
      if (frame) this.#options.onFrame(frame)
    }
    socket.onclose = ({ code }) => {
      if (generation !== this.#generation) return
      this.#socket = null
      this.#options.onClosed(code)
    }
  }
}

/** Read a frame; null for a type this client does not know, which a newer server may send. */
export function parseFrame(data: unknown): ServerMessage | null {
  if (typeof data !== 'string') return null
  let frame: unknown
  try {
    frame = JSON.parse(data)
  } catch {
    return null
  }
  if (typeof frame !== 'object' || frame === null || !('type' in frame)) return null
  return typeof frame.type === 'string' && TYPES.has(frame.type) ? (frame as ServerMessage) : null
}
