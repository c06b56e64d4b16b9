/** Calls as the server tells of them, made up. */
import type {
  CallAttempt,
  CallEntry,
  CallEvent,
  CallMember,
  CallPair,
  CallRecord,
  ExplainedCall,
  Finding,
} from '@/api/call-record'

const SECOND = 1_000
const MINUTE = 60 * SECOND
export const AT = Date.parse('2026-03-03T10:02:00Z')

export const entry = (id: string, change: Partial<CallEntry> = {}): CallEntry => ({
  id,
  startedAt: AT,
  endedAt: AT + 39 * MINUTE,
  people: 3,
  result: 'ok',
  cause: null,
  text: '3 people, 39 min; all 3 pairs connected, 3 directly',
  running: false,
  ...change,
})

export const member = (id: string, name: string, change: Partial<CallMember> = {}): CallMember => ({
  id,
  name,
  role: 'guest',
  joinedAt: AT,
  network: '203.0.113.0/24',
  browser: 'Chrome 156',
  ...change,
})

const connected = (startedAt: number, tookMs: number): CallAttempt => ({
  kind: 'initial',
  startedAt,
  settledAt: startedAt + tookMs,
  outcome: 'connected',
})

const NO_PATH: Finding = {
  cause: 'no_turn',
  severity: 'failed',
  at: AT + 42 * SECOND,
  members: ['a', 'b'],
  text: 'Anna and Ben never found a path: both only offered host candidates and no TURN server is configured.',
  advice: 'Set up TURN (docs/turn.md), with STUN beside it.',
  hostAdvice: 'Try another network, such as a phone’s, or ask whoever runs this server.',
}

/** Anna and Ben find no path, Cem loses the server for a while and has no microphone. */
export const failedCall: CallRecord = {
  id: '4bf92f3577b34da6a3ce929d0e0e4736',
  room: 'stand-up',
  startedAt: AT,
  endedAt: AT + 5 * MINUTE,
  members: [
    member('a', 'Anna', { role: 'host', leftAt: AT + 5 * MINUTE, leaveReason: 'left' }),
    member('b', 'Ben', {
      joinedAt: AT + 12 * SECOND,
      leftAt: AT + 3 * MINUTE,
      leaveReason: 'lost',
      browser: 'Firefox 149',
      network: '198.51.100.0/24',
    }),
    member('c', 'Cem', {
      joinedAt: AT + 40 * SECOND,
      leftAt: AT + 5 * MINUTE,
      leaveReason: 'left',
      browser: 'Safari 26',
      network: '2001:db8:4::/48',
    }),
  ],
  pairs: [
    {
      a: 'a',
      b: 'b',
      outcome: 'failed',
      attempts: [
        {
          kind: 'initial',
          startedAt: AT + 12 * SECOND,
          settledAt: AT + 42 * SECOND,
          outcome: 'timeout',
          offeredBy: 'b',
          reports: {
            a: {
              state: 'connecting',
              elapsedMs: 30_000,
              gatheringMs: 220,
              local: { host: 2 },
              remote: { host: 1 },
            },
            b: { state: 'failed', elapsedMs: 29_400, local: { host: 1 }, serverErrors: [701] },
          },
        },
        {
          kind: 'ice_restart',
          startedAt: AT + 60 * SECOND,
          settledAt: AT + 90 * SECOND,
          outcome: 'failed',
        },
      ],
    },
    {
      a: 'a',
      b: 'c',
      outcome: 'connected',
      connectedAt: AT + 41 * SECOND,
      attempts: [connected(AT + 40 * SECOND, 820)],
      quality: {
        a: {
          digests: 20,
          rttMs: [42.4, 180],
          jitterMs: [8, 31],
          lossIn: [0.004, 0.12],
          lossOut: [0.002, 0.01],
          bitrateIn: 1_240_000,
          bitrateOut: 640_000,
          freezes: 2,
          frozenMs: 3_400,
          limitedByBandwidth: 5,
          pair: { local: 'host', remote: 'srflx', protocol: 'udp' },
        },
        c: { digests: 20, rttMs: [44, 160], lossIn: [0.001, 0.02], freezes: 1, frozenMs: 800 },
      },
    },
    {
      a: 'b',
      b: 'c',
      outcome: 'connected',
      connectedAt: AT + 43 * SECOND,
      attempts: [
        {
          ...connected(AT + 41 * SECOND, 2_100),
          reports: {
            b: { pair: { local: 'relay', remote: 'srflx', protocol: 'udp', relayProtocol: 'tls' } },
          },
        },
      ],
    },
  ],
  events: [
    { at: AT, kind: 'join', member: 'a' },
    { at: AT + 12 * SECOND, kind: 'join', member: 'b' },
    { at: AT + 12.2 * SECOND, kind: 'offer', member: 'b', other: 'a' },
    { at: AT + 12.4 * SECOND, kind: 'answer', member: 'a', other: 'b' },
    { at: AT + 20 * SECOND, kind: 'refused', detail: 'wrong_password' },
    { at: AT + 40 * SECOND, kind: 'join', member: 'c' },
    { at: AT + 40.6 * SECOND, kind: 'media_error', member: 'c', detail: 'audio:permission' },
    { at: AT + 40.8 * SECOND, kind: 'connected', member: 'a', other: 'c' },
    { at: AT + 42 * SECOND, kind: 'timeout', member: 'a', other: 'b' },
    { at: AT + 43 * SECOND, kind: 'connected', member: 'b', other: 'c' },
    { at: AT + 60 * SECOND, kind: 'ice_restart', member: 'b', other: 'a' },
    { at: AT + 90 * SECOND, kind: 'failed', member: 'a', other: 'b' },
    { at: AT + 100 * SECOND, kind: 'lost', member: 'c' },
    { at: AT + 112 * SECOND, kind: 'back', member: 'c' },
    { at: AT + 180 * SECOND, kind: 'leave', member: 'b', detail: 'lost' },
    { at: AT + 200 * SECOND, kind: 'role', member: 'c', detail: 'moderator' },
    { at: AT + 300 * SECOND, kind: 'leave', member: 'a', detail: 'left' },
    { at: AT + 300 * SECOND, kind: 'leave', member: 'c', detail: 'left' },
  ],
}

export const explained: ExplainedCall = {
  call: failedCall,
  findings: [
    NO_PATH,
    {
      cause: 'device_permission',
      severity: 'degraded',
      at: AT + 40.6 * SECOND,
      members: ['c'],
      text: 'Nobody heard Cem: the browser was not allowed to use the microphone.',
      advice: 'Allow it beside the address bar.',
      hostAdvice: 'Cem can allow it with the sign beside the address of the page.',
    },
    {
      cause: 'signaling_lost',
      severity: 'note',
      at: null,
      members: ['c'],
      text: 'Cem lost the connection to the server once and was back after 12 s.',
      advice: '',
      hostAdvice: '',
    },
  ],
  summary: { result: 'failed', cause: 'no_turn', text: NO_PATH.text },
  traceUrl: 'https://grafana.example/trace/4bf92f3577b34da6a3ce929d0e0e4736',
}

/** A call in which little time passed. */
export const shortCall: CallRecord = {
  id: '0af7651916cd43dd8448eb211c80319c',
  room: 'stand-up',
  startedAt: AT,
  endedAt: AT + 3 * SECOND,
  members: [
    member('a', 'Anna', { role: 'host', leftAt: AT + 3 * SECOND, leaveReason: 'left' }),
    member('b', 'Ben', { joinedAt: AT + 1.2 * SECOND, leftAt: AT + 2.5 * SECOND, leaveReason: 'left' }),
  ],
  pairs: [
    {
      a: 'a',
      b: 'b',
      outcome: 'connected',
      connectedAt: AT + 1.9 * SECOND,
      attempts: [connected(AT + 1.3 * SECOND, 600)],
    },
  ],
  events: [
    { at: AT, kind: 'join', member: 'a' },
    { at: AT + 1.2 * SECOND, kind: 'join', member: 'b' },
    { at: AT + 1.9 * SECOND, kind: 'connected', member: 'a', other: 'b' },
    { at: AT + 2.5 * SECOND, kind: 'leave', member: 'b', detail: 'left' },
    { at: AT + 3 * SECOND, kind: 'leave', member: 'a', detail: 'left' },
  ],
}

const NAMES = ['Anna', 'Ben', 'Cem', 'Dilan', 'Eva', 'Farid', 'Greta with a rather long name', 'Hugo']

/** Three hours, eight people, every pair of them, and some two hundred events. */
export function longCall(): CallRecord {
  const endedAt = AT + 180 * MINUTE
  const members = NAMES.map((name, index) =>
    member(`m${index}`, name, {
      role: index === 0 ? 'host' : 'guest',
      joinedAt: AT + index * 20 * SECOND,
      leftAt: endedAt - (index % 3) * 20 * MINUTE,
      leaveReason: 'left',
    }),
  )
  const events: CallEvent[] = members.map(({ id, joinedAt }) => ({ at: joinedAt, kind: 'join', member: id }))
  const pairs: CallPair[] = []
  for (const [later, b] of members.entries()) {
    for (const a of members.slice(0, later)) {
      const at = b.joinedAt + 400
      const attempts = [connected(at, 700)]
      events.push({ at, kind: 'offer', member: b.id, other: a.id })
      events.push({ at: at + 300, kind: 'answer', member: a.id, other: b.id })
      events.push({ at: at + 700, kind: 'connected', member: a.id, other: b.id })
      if (b.id === 'm3') breakOff(attempts, events, a.id, AT + 72 * MINUTE)
      pairs.push({ a: a.id, b: b.id, outcome: 'connected', connectedAt: at + 700, attempts })
    }
  }
  for (let minute = 10; minute < 140; minute += 5) {
    const who = `m${minute % 8}`
    events.push({ at: AT + minute * MINUTE, kind: 'lost', member: who })
    events.push({ at: AT + minute * MINUTE + 20 * SECOND, kind: 'back', member: who })
  }
  for (const { id, leftAt } of members)
    events.push({ at: leftAt ?? endedAt, kind: 'leave', member: id, detail: 'left' })
  events.sort((one, other) => one.at - other.at)
  return { id: 'a1'.repeat(16), room: 'stand-up', startedAt: AT, endedAt, members, pairs, events }
}

/** The path of Dilan to someone breaks off, and another one is found. */
function breakOff(attempts: CallAttempt[], events: CallEvent[], other: string, at: number): void {
  attempts.push({
    kind: 'ice_restart',
    startedAt: at + 9 * SECOND,
    settledAt: at + 240 * SECOND,
    outcome: 'connected',
  })
  events.push(
    { at, kind: 'disconnected', member: other, other: 'm3' },
    { at: at + 9 * SECOND, kind: 'ice_restart', member: 'm3', other },
    { at: at + 240 * SECOND, kind: 'connected', member: other, other: 'm3' },
  )
}
