import { describe, expect, it } from 'vitest'
import { initialCall } from '@/call/reducer'
import type { CallEffect } from '@/call/types'
import { frame, inCall, join, participant, participants, run, welcome } from './frames'

const sent = (effects: readonly CallEffect[]) =>
  effects.flatMap((effect) => (effect.type === 'send' ? [effect.frame] : []))
const kinds = (effects: readonly CallEffect[]) => effects.map((effect) => effect.type)
const lost = { type: 'closed', code: 1006, random: 0 } as const

describe('joining', () => {
  it('connects, then says its name and what is on', () => {
    const joining = run(initialCall, join)
    expect(joining.state.phase).toBe('joining')
    expect(kinds(joining.effects)).toEqual(['connect'])
    const { state, effects } = run(joining.state, welcome())
    expect(state).toMatchObject({
      phase: 'in',
      selfId: 'me',
      joinedAt: 1_000,
      limits: { chatCodePoints: 100 },
    })
    expect(sent(effects)).toEqual([
      { type: 'profile', displayName: 'Me', id: 1 },
      { type: 'media', audio: true, video: false, screen: false, id: 2 },
    ])
    expect(effects).toContainEqual({
      type: 'configurePeers',
      iceServers: [{ urls: ['stun:stun.example.org'] }],
    })
  })

  it('offers to everyone who is there, and not to itself', () => {
    const { state, effects } = run(
      initialCall,
      join,
      welcome(),
      participants(participant('a'), participant('me'), participant('b')),
    )
    expect(state.members.map(({ id }) => id)).toEqual(['a', 'b'])
    expect(effects).toEqual([
      { type: 'openPeer', clientId: 'a', polite: true, initiate: true },
      { type: 'openPeer', clientId: 'b', polite: true, initiate: true },
    ])
  })

  it('says why it was turned away', () => {
    const { state, effects } = run(initialCall, join, { type: 'closed', code: 4504, random: 0 })
    expect(state).toMatchObject({ phase: 'ended', ended: { reason: 'room_full', code: 4504 } })
    expect(kinds(effects)).toContain('closePeers')
  })

  it('gives up when the server cannot be reached', () => {
    const { state } = run(initialCall, join, lost, lost, lost, lost, lost)
    expect(state.ended?.reason).toBe('unreachable')
  })

  it('ends when the person was signed out', () => {
    expect(run(initialCall, join, { type: 'refused', reason: 'signed_out' }).state.ended).toEqual({
      reason: 'signed_out',
      code: null,
    })
  })
})

describe('members', () => {
  it('waits for the offer of a newcomer', () => {
    const { state, effects } = run(
      inCall('a'),
      frame({
        type: 'presence',
        action: 'join',
        clientId: 'b',
        displayName: 'Bo',
        role: 'member',
        polite: false,
        ts: 1,
      }),
    )
    expect(state.members.at(-1)).toMatchObject({ id: 'b', displayName: 'Bo', link: 'connecting' })
    expect(effects).toEqual([
      { type: 'openPeer', clientId: 'b', polite: false, initiate: false },
      { type: 'notice', notice: { kind: 'joined', name: 'Bo' } },
    ])
  })

  it('announces a guest once it has said its name', () => {
    const came = run(
      inCall('a'),
      frame({ type: 'presence', action: 'join', clientId: 'b', displayName: 'Guest', role: 'guest', ts: 1 }),
    )
    expect(kinds(came.effects)).toEqual(['openPeer'])
    const name = (displayName: string) => frame({ type: 'profile', clientId: 'b', displayName })
    const named = run(came.state, name('Bo'))
    expect(named.effects).toEqual([{ type: 'notice', notice: { kind: 'joined', name: 'Bo' } }])
    expect(run(named.state, name('Bob')).effects).toEqual([])
  })

  it('counts a member once, however often it is announced', () => {
    const hello = frame({ type: 'presence', action: 'join', clientId: 'b', ts: 1 })
    const { state, effects } = run(inCall('a'), hello, hello)
    expect(state.members).toHaveLength(2)
    expect(effects).toEqual([])
  })

  it('lets the others keep their place when one leaves', () => {
    const bye = frame({ type: 'presence', action: 'leave', clientId: 'a', ts: 1 })
    const { state, effects } = run(inCall('a', 'b', 'c'), bye)
    expect(state.members.map(({ id }) => id)).toEqual(['c', 'b'])
    expect(effects[0]).toEqual({ type: 'closePeer', clientId: 'a' })
    expect(run(state, bye).effects).toEqual([])
  })

  it('closes the last one of a list too', () => {
    const { state } = run(
      inCall('a', 'b'),
      frame({ type: 'presence', action: 'leave', clientId: 'b', ts: 1 }),
    )
    expect(state.members.map(({ id }) => id)).toEqual(['a'])
  })

  it('follows names and media', () => {
    const { state } = run(
      inCall('a'),
      frame({ type: 'profile', clientId: 'a', displayName: 'Ana' }),
      frame({ type: 'media', clientId: 'a', audio: false, video: true, screen: false }),
      frame({ type: 'profile', clientId: 'me', displayName: 'Myself' }),
    )
    expect(state.members[0]).toMatchObject({ displayName: 'Ana', media: { audio: false, video: true } })
    expect(state.displayName).toBe('Myself')
  })

  it('delivers signals of members and of nobody else', () => {
    const offer = (from: string) => frame({ type: 'webrtc', action: 'offer', from, to: 'me', sdp: 'v=0' })
    expect(run(inCall('a'), offer('a')).effects).toEqual([
      { type: 'deliver', from: 'a', signal: { action: 'offer', sdp: 'v=0' } },
    ])
    expect(run(inCall('a'), offer('stranger')).effects).toEqual([])
  })

  it('ignores frames of a newer server', () => {
    const state = inCall('a')
    const later = { type: 'frame', frame: { type: 'hologram', seq: 9 }, now: 0 } as never
    expect(run(state, later)).toEqual({ state, effects: [] })
  })
})

describe('a lost connection', () => {
  it('keeps everyone in place and comes back at once', () => {
    const { state, effects } = run(inCall('a', 'b'), lost)
    expect(state).toMatchObject({ phase: 'in', reconnecting: true, attempt: 1 })
    expect(state.members).toHaveLength(2)
    expect(effects).toEqual([{ type: 'retryIn', delayMs: 0 }])
  })

  it('builds the peers anew for the new session, with names and places kept', () => {
    const away = run(inCall('a', 'b'), lost, { type: 'retryDue' })
    expect(kinds(away.effects)).toEqual(['connect'])
    const back = run(away.state, welcome('me2'))
    expect(kinds(back.effects)).toContain('closePeers')
    expect(back.effects).toContainEqual({ type: 'notice', notice: { kind: 'reconnected' } })
    const { state, effects } = run(
      back.state,
      participants(participant('b'), participant('me2'), participant('c')),
    )
    expect(state).toMatchObject({ reconnecting: false, attempt: 0, selfId: 'me2' })
    expect(state.members.map(({ id }) => id)).toEqual(['b', 'c'])
    expect(effects).toEqual([
      { type: 'openPeer', clientId: 'b', polite: true, initiate: true },
      { type: 'openPeer', clientId: 'c', polite: true, initiate: true },
    ])
  })

  it('sends nothing meanwhile and tells what is on afterwards', () => {
    const away = run(inCall('a'), lost, {
      type: 'media',
      media: { audio: false, video: true, screen: false },
    })
    expect(away.effects).toEqual([])
    const back = run(away.state, welcome('me2'))
    expect(sent(back.effects)).toContainEqual(
      expect.objectContaining({ type: 'media', audio: false, video: true }),
    )
  })

  it('stays away when it was removed', () => {
    const { state } = run(inCall('a'), { type: 'closed', code: 4502, random: 0 })
    expect(state).toMatchObject({
      phase: 'ended',
      reconnecting: false,
      ended: { reason: 'kicked', code: 4502 },
    })
  })

  it('probes after a change of network and gives a silent socket up', () => {
    const probing = run(inCall('a'), { type: 'networkChanged' })
    const id = sent(probing.effects)[0]?.id ?? 0
    expect(probing.effects.at(-1)).toEqual({ type: 'probe', frameId: id, delayMs: 4_000 })
    const due = { type: 'probeDue', frameId: id, random: 0 } as const
    expect(run(probing.state, frame({ type: 'ack', id }), due).effects).toEqual([])
    const dead = run(probing.state, due)
    expect(kinds(dead.effects)).toEqual(['disconnect', 'retryIn'])
    expect(dead.state.reconnecting).toBe(true)
  })

  it('does not wait for the next try when the network is back', () => {
    const { effects } = run(inCall('a'), lost, lost, { type: 'networkChanged' })
    expect(kinds(effects)).toEqual(['cancelRetry', 'connect'])
  })
})

describe('chat', () => {
  const say = { type: 'chat', text: 'hello' } as const
  const heard = (from: string, id = 'm1', text = 'hello') =>
    frame({ type: 'chat', from, displayName: from, text, id, ts: 5 })

  it('shows a message as pending until the room has it', () => {
    const pending = run(inCall('a'), say)
    expect(pending.state.pending).toMatchObject([{ text: 'hello', failed: false }])
    const { state } = run(pending.state, heard('me'))
    expect(state.pending).toEqual([])
    expect(state.messages).toMatchObject([{ mine: true, text: 'hello' }])
    expect(state.unread).toBe(0)
  })

  it('counts what came while the chat was closed', () => {
    const { state, effects } = run(inCall('a'), heard('a'))
    expect(state.unread).toBe(1)
    expect(effects).toEqual([{ type: 'notice', notice: { kind: 'chat', name: 'a', text: 'hello' } }])
    const shown = run(state, { type: 'chatShown', open: true }, heard('a', 'm2'))
    expect(shown.state.unread).toBe(0)
    expect(shown.effects).toEqual([])
  })

  it('shows a message once', () => {
    expect(run(inCall('a'), heard('a'), heard('a')).state.messages).toHaveLength(1)
  })

  it('marks a refused message and sends it again on request', () => {
    const pending = run(inCall('a'), say)
    const frameId = pending.state.pending[0]?.frameId ?? 0
    const refused = run(
      pending.state,
      frame({ type: 'error', code: 'rate_limited', message: '', retryable: true, ref: frameId }),
    )
    expect(refused.state.pending[0]?.failed).toBe(true)
    expect(refused.effects).toEqual([{ type: 'notice', notice: { kind: 'rateLimited' } }])
    const again = run(refused.state, { type: 'retryChat', frameId })
    expect(sent(again.effects)).toEqual([{ type: 'chat', text: 'hello', id: frameId + 1 }])
    expect(again.state.pending).toMatchObject([{ failed: false }])
  })

  it('marks as not sent what a lost connection may have swallowed', () => {
    expect(run(inCall('a'), say, lost).state.pending[0]?.failed).toBe(true)
  })
})

describe('leaving', () => {
  it('says goodbye before it closes', () => {
    const { state, effects } = run(inCall('a'), { type: 'leave' })
    expect(kinds(effects)).toEqual(['send', 'cancelRetry', 'closePeers', 'disconnect'])
    expect(sent(effects)).toMatchObject([{ type: 'leave' }])
    expect(state).toMatchObject({ phase: 'ended', ended: { reason: 'left' }, members: [] })
  })

  it('is deaf afterwards, until one joins again with what was said kept', () => {
    const chat = frame({ type: 'chat', from: 'a', displayName: 'A', text: 'x', id: 'm', ts: 1 })
    const left = run(inCall('a'), chat, { type: 'leave' })
    expect(run(left.state, lost).state).toBe(left.state)
    const again = run(left.state, join)
    expect(again.state).toMatchObject({ phase: 'joining', ended: null })
    expect(again.state.messages).toHaveLength(1)
  })
})
