/** The network test in plain words. */
import type { Leg, LegKind, Verdict } from '@/call/network-test'

export interface Words {
  readonly tone: 'good' | 'fair' | 'bad'
  readonly title: string
  readonly advice: string
}

const LEGS: Readonly<Record<LegKind, string>> = {
  signaling: 'Connection to Chatter',
  servers: 'List of helpers for calls',
  stun: 'Direct calls (STUN)',
  udp: 'Relay over UDP',
  tcp: 'Relay over TCP',
  tls: 'Relay over TLS',
  loop: 'Data through the relay',
}

const VERDICTS: Readonly<Record<Verdict, Words>> = {
  good: {
    tone: 'good',
    title: 'Your connection is ready for calls',
    advice: 'Everything works, direct calls and relayed ones.',
  },
  noRelaysConfigured: {
    tone: 'good',
    title: 'Your connection looks ready for calls',
    advice:
      'This Chatter has no relay, so calls with people behind strict firewalls may not connect. If that happens, tell the person who runs it.',
  },
  noSignaling: {
    tone: 'bad',
    title: 'Your browser cannot stay connected to Chatter',
    advice:
      'Something in between blocks WebSockets, often a company proxy, a VPN or a security program. Switch it off or try another network.',
  },
  noServers: {
    tone: 'bad',
    title: 'Chatter did not tell how to connect calls',
    advice: 'Try again in a moment. If it stays like this, tell the person who runs this Chatter.',
  },
  relaysRefused: {
    tone: 'bad',
    title: 'The relay does not let us in',
    advice:
      'Calls may fail on strict networks. Nothing on your side is wrong: tell the person who runs this Chatter.',
  },
  nothingGetsOut: {
    tone: 'bad',
    title: 'Your network blocks calls',
    advice:
      'Nothing that carries picture and sound gets out. Try another network, such as your phone’s hotspot, or switch the VPN off.',
  },
  noRelay: {
    tone: 'fair',
    title: 'Some calls will not connect',
    advice:
      'Direct calls can work, but the relay for difficult networks cannot be reached from here. If a call stays black, try another network.',
  },
  relayLeadsNowhere: {
    tone: 'fair',
    title: 'The relay answers, but nothing comes through it',
    advice:
      'Direct calls can work. For calls on strict networks the relay has to be repaired: tell the person who runs this Chatter.',
  },
  noUdp: {
    tone: 'fair',
    title: 'Calls work, but your network slows them down',
    advice:
      'UDP, the fast way for picture and sound, is blocked here, so calls take a slower one. Another network or no VPN may look better.',
  },
  someRelaysFail: {
    tone: 'good',
    title: 'Your connection is ready for calls',
    advice: 'One way to the relay does not work from here; the others are enough.',
  },
  noStun: {
    tone: 'fair',
    title: 'Calls work through the relay',
    advice:
      'Direct calls are blocked here, so picture and sound take a detour and may arrive a little later.',
  },
}

export function nameLeg({ kind }: Leg): string {
  return LEGS[kind]
}

export function describeVerdict(verdict: Verdict): Words {
  return VERDICTS[verdict]
}

/** How far a leg has come, in a word or two. */
export function describeState({ state, ms, fault }: Leg): string {
  switch (state) {
    case 'waiting':
      return 'Waiting'
    case 'running':
      return 'Testing…'
    case 'passed':
      return ms === null ? 'Works' : `Works, ${ms} ms`
    case 'skipped':
      return 'Not tested'
    case 'failed':
      return fault === 'refused' ? 'Refused' : fault === 'timeout' ? 'No answer in time' : 'No answer'
  }
}
