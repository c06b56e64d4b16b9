/**
 * A server that speaks the resume protocol (docs/protocol.md, “Resuming”) over lines that break: what is under way when
 * a line is cut arrives up to a point or not at all, as with TCP.
 */
import type { ClientMessage, ServerMessage } from '@/protocol/messages'
import type { SocketLike } from '@/call/signaling'

export class FakeSocket implements SocketLike {
  readyState = 0
  onopen: SocketLike['onopen'] = null
  onmessage: SocketLike['onmessage'] = null
  onclose: SocketLike['onclose'] = null
  readonly url: string
  readonly sent: ClientMessage[] = []
  readonly #onClose: (code: number) => void
  closedWith: number | undefined

  constructor(url: string, onClose: (code: number) => void = () => undefined) {
    this.url = url
    this.#onClose = onClose
  }

  send = (data: string) => void this.sent.push(JSON.parse(data) as ClientMessage)

  close = (code = 1005) => {
    this.readyState = 3
    this.closedWith = code
    this.#onClose(code)
  }

  open = () => {
    this.readyState = 1
    this.onopen?.(new Event('open'))
  }

  receive = (frame: object) => this.onmessage?.({ data: JSON.stringify(frame) } as MessageEvent)

  drop = (code: number) => {
    this.readyState = 3
    this.onclose?.({ code } as CloseEvent)
  }
}

interface Line {
  readonly socket: FakeSocket
  /** How many of the client's frames arrived. */
  arrived: number
  readonly toClient: object[]
}

type WithoutSeq<T> = T extends { seq: number } ? Omit<T, 'seq'> : never

/** One room with one client in it. All it says and hears is kept. */
export class FakeServer {
  /** Chat texts in the order in which the server handled them: the client's, and its own. */
  readonly log: string[] = []
  readonly handled: ClientMessage[] = []
  joins = 0
  resumes = 0
  #line: Line | null = null
  #sent: string[] = []
  #lastId = -1
  #acknowledged = 0

  readonly createSocket = (url: string): FakeSocket => {
    const socket: FakeSocket = new FakeSocket(url, () => {
      if (this.#line?.socket === socket) this.#line = null
    })
    this.#line = { socket, arrived: 0, toClient: [] }
    return socket
  }

  get connected(): boolean {
    return this.#line !== null && this.#line.socket.readyState === 1
  }

  /** How many frames are under way in either direction. */
  get underWay(): number {
    const line = this.#line
    return line ? line.socket.sent.length - line.arrived + line.toClient.length : 0
  }

  get acknowledged(): number {
    return this.#acknowledged
  }

  open(): void {
    if (this.#line?.socket.readyState === 0) this.#line.socket.open()
  }

  /** Someone else in the room says something. */
  say(text: string): void {
    this.log.push(text)
    this.tell({
      type: 'chat',
      from: 'a',
      displayName: 'A',
      text,
      id: `m${this.log.length}`,
      ts: this.log.length,
    })
  }

  arriveAtServer(): void {
    const line = this.#line
    const frame = line?.socket.sent[line.arrived]
    if (!line || !frame) return
    line.arrived++
    this.#handle(line, frame)
  }

  arriveAtClient(): void {
    const line = this.#line
    const frame = line?.toClient.shift()
    if (line && frame) line.socket.receive(frame)
  }

  /** Cut the line; up to `more` frames of the client still get through. */
  cut(more: number): void {
    for (let count = 0; count < more; count++) this.arriveAtServer()
    const line = this.#line
    this.#line = null
    line?.socket.drop(1006)
  }

  /** Forget the session, as after a restart or when the window is over. */
  forget(): void {
    this.#sent = []
    this.#lastId = -1
    this.#acknowledged = 0
    this.joins = 0
  }

  #handle(line: Line, frame: ClientMessage): void {
    if (frame.type === 'hello') return this.#welcome()
    if (frame.type === 'resume') return this.#resume(line, frame.lastSeq)
    if (frame.id !== undefined) {
      if (frame.id <= this.#lastId) return
      this.#lastId = frame.id
    }
    this.handled.push(frame)
    if (frame.type === 'ack') this.#acknowledged = Math.max(this.#acknowledged, frame.seq)
    if (frame.type === 'chat') {
      this.log.push(frame.text)
      const { length } = this.log
      this.tell({
        type: 'chat',
        from: 'me',
        displayName: 'Me',
        text: frame.text,
        id: `m${length}`,
        ts: length,
      })
    }
    if (frame.id !== undefined) line.toClient.push({ type: 'ack', id: this.#lastId })
  }

  #welcome(): void {
    this.forget()
    this.joins++
    this.tell({
      type: 'welcome',
      clientId: 'me',
      callId: 'c'.repeat(32),
      role: 'member',
      resumeToken: 'token',
      resumeWindowMs: 30_000,
      iceServers: [],
      iceTtlMs: 0,
      limits: {},
      room: {},
    })
    this.tell({ type: 'participants', participants: [] })
  }

  #resume(line: Line, lastSeq: number): void {
    if (this.#sent.length === 0 || lastSeq > this.#sent.length) {
      this.#line = null
      line.socket.drop(4002)
      return
    }
    if (lastSeq < this.#acknowledged) throw new Error('the client forgot what it acknowledged')
    this.resumes++
    const lastId = this.#lastId < 0 ? {} : { lastId: this.#lastId }
    line.toClient.push({ type: 'resumed', clientId: 'me', ...lastId })
    for (const frame of this.#sent.slice(lastSeq)) line.toClient.push(JSON.parse(frame) as object)
  }

  /** Say something numbered, and keep it for a resume. */
  tell(message: WithoutSeq<ServerMessage>): void {
    const frame = { ...message, seq: this.#sent.length + 1 }
    this.#sent.push(JSON.stringify(frame))
    this.#line?.toClient.push(frame)
  }
}

/** A small generator of numbers in [0, 1) that a seed fixes (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
