/** The single steps of the network test, each on peer connections of its own that are closed again. */
import type { IceServer } from '@/protocol/messages'
import { isOtherKind } from './candidates'

export type CreateConnection = (config: RTCConfiguration) => RTCPeerConnection

export type Fault = 'unreachable' | 'refused' | 'timeout'
/** What came of a step; `ms` from its begin. */
export type Finding =
  { readonly ok: true; readonly ms: number } | { readonly ok: false; readonly fault: Fault }

export interface LegOptions {
  readonly createConnection: CreateConnection
  readonly now: () => number
  readonly timeoutMs: number
  /** Ends the step early. */
  readonly signal: AbortSignal
}

type Settle = (finding: Finding) => void

/** Ask a STUN server how we look from outside (RFC 8445 §5.1.1.2). */
export function reachStun(server: IceServer, options: LegOptions): Promise<Finding> {
  return gather({ iceServers: [server] }, 'srflx', options)
}

/** Ask a TURN server for a relay (RFC 8656 §7). */
export function reachTurn(server: IceServer, options: LegOptions): Promise<Finding> {
  return gather({ iceServers: [server], iceTransportPolicy: 'relay' }, 'relay', options)
}

/** Send a message from one peer connection to another and back, through relays only. */
export function loop(iceServers: readonly IceServer[], options: LegOptions): Promise<Finding> {
  const config: RTCConfiguration = { iceServers: [...iceServers], iceTransportPolicy: 'relay' }
  return run(options, (settle, connect) => {
    const [caller, callee] = [connect(config), connect(config)]
    pass(caller, callee)
    pass(callee, caller)
    callee.ondatachannel = ({ channel }) => {
      channel.onmessage = ({ data }: MessageEvent<string>) => channel.send(data)
    }
    const started = options.now()
    const channel = caller.createDataChannel('loop')
    channel.onopen = () => channel.send('ping')
    channel.onmessage = () => settle({ ok: true, ms: options.now() - started })
    caller.onconnectionstatechange = () => {
      if (caller.connectionState === 'failed') settle({ ok: false, fault: 'unreachable' })
    }
    return negotiate(caller, callee)
  })
}

function gather(
  config: RTCConfiguration,
  wanted: RTCIceCandidateType,
  options: LegOptions,
): Promise<Finding> {
  return run(options, async (settle, connect) => {
    const connection = connect(config)
    const started = options.now()
    let fault: Fault | null = null
    connection.onicecandidateerror = ({ errorCode, errorText }) => {
      if (isOtherKind(errorText)) return
      // 700 and up mean "no answer" (W3C WebRTC §4.8.3), the rest is what the server said (RFC 8489 §14.8).
      fault = errorCode >= 700 ? (fault ?? 'unreachable') : 'refused'
    }
    connection.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate) {
        if (kindOf(candidate) === wanted) settle({ ok: true, ms: options.now() - started })
        return
      }
      if (candidate) return
      // A STUN server that answers what we know already adds no candidate: we are on the open network.
      if (wanted === 'srflx' && fault === null) settle({ ok: true, ms: options.now() - started })
      else settle({ ok: false, fault: fault ?? 'unreachable' })
    }
    connection.createDataChannel('probe')
    await connection.setLocalDescription()
  })
}

/** Run a step to its first finding, then close what it opened. Never rejects. */
function run(
  { createConnection, timeoutMs, signal }: LegOptions,
  step: (settle: Settle, connect: CreateConnection) => Promise<void>,
): Promise<Finding> {
  const opened: RTCPeerConnection[] = []
  return new Promise<Finding>((resolve) => {
    const settle = (finding: Finding) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', giveUp)
      for (const connection of opened) connection.close()
      resolve(finding)
    }
    const giveUp = () => settle({ ok: false, fault: 'timeout' })
    const timer = setTimeout(giveUp, timeoutMs)
    signal.addEventListener('abort', giveUp)
    const connect: CreateConnection = (config) => {
      const connection = createConnection(config)
      opened.push(connection)
      return connection
    }
    // A browser that cannot make the connection at all, or one that was closed meanwhile.
    step(settle, connect).catch(() => settle({ ok: false, fault: 'refused' }))
    if (signal.aborted) giveUp()
  })
}

async function negotiate(caller: RTCPeerConnection, callee: RTCPeerConnection): Promise<void> {
  await caller.setLocalDescription()
  if (caller.localDescription) await callee.setRemoteDescription(caller.localDescription)
  await callee.setLocalDescription()
  if (callee.localDescription) await caller.setRemoteDescription(callee.localDescription)
}

/** Hand candidates over once the other side has the description they belong to. */
function pass(from: RTCPeerConnection, to: RTCPeerConnection): void {
  const early: RTCIceCandidate[] = []
  const add = (candidate: RTCIceCandidate) => void to.addIceCandidate(candidate).catch(() => undefined)
  from.onicecandidate = ({ candidate }) => {
    if (!candidate) return
    if (to.remoteDescription) add(candidate)
    else early.push(candidate)
  }
  to.onsignalingstatechange = () => {
    if (to.remoteDescription) early.splice(0).forEach(add)
  }
}

function kindOf(candidate: RTCIceCandidate): string {
  return candidate.type ?? / typ (\w+)/.exec(candidate.candidate)?.[1] ?? ''
}
