import { describe, expect, it } from 'vitest'
import { initialCall } from '@/call/reducer'
import type { CallEffect } from '@/call/types'
import { frame, inCall, join, participant, participants, run, welcome } from './frames'

const sent = (effects: readonly CallEffect[]) =>
  effects.flatMap((effect) => (effect.type === 'send' ? [effect.frame] : []))
const kinds = (effects: readonly CallEffect[]) => effects.map((effect) => effect.type)
const lost = { type: 'closed', code: 1006, random: 0, now: 5_000 } as const
const closed = (code: number) => ({ type: 'closed', code, random: 0, now: 5_000 }) as const

describe('joining', () => {
  it('connects with its name, then says what is on', () => {
    const joining = run(initialCall, join)
    expect(joining.state.phase).toBe('joining')
    expect(joining.effects).toEqual([
      { type: 'connect', dial: { hello: { displayName: 'Me' }, resume: null, refresh: false } },
    ])
    const { state, effects } = run(joining.state, welcome())
    expect(state).toMatchObject({
      phase: 'in',
      selfId: 'me',
      joinedAt: 1_000,
      limits: { chatCodePoints: 100 },
    })
    expect(sent(effects)).toEqual([{ type: 'media', audio: true, video: false, screen: false, id: 1 }])
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
      { type: 'openPeer', clientId: 'a', polite: true, initiate: true, kind: 'person' },
      { type: 'openPeer', clientId: 'b', polite: true, initiate: true, kind: 'person' },
    ])
  })

  it('says why it was turned away', () => {
    const { state, effects } = run(initialCall, join, closed(4504))
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
      { type: 'openPeer', clientId: 'b', polite: false, initiate: false, kind: 'person' },
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
    expect(state).toMatchObject({ reconnecting: false, selfId: 'me2' })
    expect(state.members.map(({ id }) => id)).toEqual(['b', 'c'])
    expect(effects).toEqual([
      { type: 'openPeer', clientId: 'b', polite: true, initiate: true, kind: 'person' },
      { type: 'openPeer', clientId: 'c', polite: true, initiate: true, kind: 'person' },
    ])
  })

  it('goes on with the session: nobody is built anew', () => {
    const away = run(inCall('a', 'b'), lost, { type: 'retryDue' })
    expect(away.effects).toEqual([
      {
        type: 'connect',
        dial: { hello: { displayName: 'Me' }, resume: { token: 'token-1', until: 65_000 }, refresh: false },
      },
    ])
    const back = run(away.state, frame({ type: 'resumed', clientId: 'me', lastId: 1 }))
    expect(back.state).toMatchObject({ reconnecting: false, lostAt: null, selfId: 'me' })
    expect(back.state.members).toEqual(away.state.members)
    expect(back.effects).toEqual([{ type: 'recoverPeers', clientId: null, all: false }])
  })

  it('counts the window from the first loss, however often it tries', () => {
    const later = { ...lost, now: 20_000 }
    expect(run(inCall('a'), lost, { type: 'retryDue' }, later).state.lostAt).toBe(5_000)
  })

  it('comes in as someone new when the session is gone', () => {
    const gone = run(inCall('a'), lost, { type: 'retryDue' }, closed(4002))
    expect(gone.effects).toEqual([{ type: 'retryIn', delayMs: 0 }])
    expect(run(gone.state, { type: 'retryDue' }).effects).toMatchObject([{ dial: { resume: null } }])
    expect(gone.state.members).toHaveLength(1)
  })

  it('waits longer each time when each connection breaks at once, and starts anew after one that held', () => {
    const dropped = (now: number) => ({ type: 'closed', code: 1006, random: 0, now }) as const
    const resumed = frame({ type: 'resumed', clientId: 'me' })
    const delays: number[] = []
    let state = inCall('a')
    for (let time = 0; time < 40; time++) {
      const { state: away, effects } = run(state, dropped(2_000))
      for (const effect of effects) if (effect.type === 'retryIn') delays.push(effect.delayMs)
      state = run(away, { type: 'retryDue' }, resumed).state
    }
    expect(delays).toEqual([0, 250, 500, 1_000, ...Array<number>(36).fill(2_000)])
    // Let in at 1000.
    expect(run(state, dropped(11_000)).effects).toEqual([{ type: 'retryIn', delayMs: 0 }])
  })

  it('waits when new sessions are lost again and again', () => {
    let step = run(inCall('a'), closed(4002))
    for (let time = 0; time < 3; time++) step = run(step.state, { type: 'retryDue' }, welcome(), closed(4002))
    expect(step.effects).toEqual([{ type: 'retryIn', delayMs: 1_000 }])
  })

  it('holds no new connection to a question that was put to the old one', () => {
    const probing = run(inCall('a'), { type: 'probe' })
    const probe = probing.effects[0]
    if (probe?.type !== 'probe') throw new Error('no probe')
    const due = { type: 'probeDue', frameId: probe.frameId, random: 0, now: 9_000 } as const
    for (const back of [frame({ type: 'resumed', clientId: 'me' }), welcome('me2')]) {
      const { state, effects } = run(probing.state, lost, { type: 'retryDue' }, back, due)
      expect(effects).toEqual([])
      expect(state.reconnecting).toBe(false)
    }
  })

  it('takes new credentials until it is back when the old ones ran out', () => {
    const expired = run(inCall('a'), closed(4004), { type: 'retryDue' })
    expect(expired.effects).toMatchObject([{ dial: { refresh: true, resume: { token: 'token-1' } } }])
    expect(run(expired.state, lost, { type: 'retryDue' }).effects).toMatchObject([
      { dial: { refresh: true } },
    ])
    const back = run(expired.state, frame({ type: 'resumed', clientId: 'me' }))
    expect(back.state.refreshDue).toBe(false)
  })

  it('keeps what is to be sent for the session', () => {
    const away = run(inCall('a'), lost, {
      type: 'media',
      media: { audio: false, video: true, screen: false },
    })
    expect(sent(away.effects)).toMatchObject([{ type: 'media', audio: false, video: true }])
    // An old smile is no smile.
    expect(run(away.state, { type: 'react', emoji: '👍' }).effects).toEqual([])
  })

  it('tells a new session what is on and whose hand is up', () => {
    const raised = run(inCall('a'), frame({ type: 'hand', clientId: 'me', raised: true, ts: 7 }), lost)
    expect(sent(run(raised.state, welcome('me2')).effects)).toMatchObject([
      { type: 'media', audio: true },
      { type: 'hand', raised: true },
    ])
  })

  it('stays away when it was removed', () => {
    const { state } = run(inCall('a'), closed(4502))
    expect(state).toMatchObject({
      phase: 'ended',
      reconnecting: false,
      ended: { reason: 'kicked', code: 4502 },
    })
  })

  it('probes after a change of network and gives a silent socket up', () => {
    const probing = run(inCall('a'), { type: 'networkChanged', now: 2_000 })
    const probe = probing.effects[0]
    if (probe?.type !== 'probe') throw new Error('no probe')
    expect(probing.effects).toEqual([
      { type: 'probe', frameId: 2, delayMs: 3_000 },
      { type: 'recoverPeers', clientId: null, all: true },
    ])
    const due = { type: 'probeDue', frameId: probe.frameId, random: 0, now: 9_000 } as const
    expect(run(probing.state, frame({ type: 'ack', id: probe.frameId }), due).effects).toEqual([])
    const dead = run(probing.state, due)
    expect(dead.effects).toEqual([
      { type: 'disconnect', final: false },
      { type: 'retryIn', delayMs: 0 },
    ])
    expect(dead.state).toMatchObject({ reconnecting: true, lostAt: 9_000 })
  })

  it('does not wait for the next try when the network is back', () => {
    const { state, effects } = run(inCall('a'), lost, lost, lost, { type: 'probe' })
    expect(kinds(effects)).toEqual(['cancelRetry', 'connect'])
    expect(state.attempt).toBe(1)
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

  it('waits while the connection is lost, for what is said goes out once it is back', () => {
    const away = run(inCall('a'), lost, say)
    expect(sent(away.effects)).toMatchObject([{ type: 'chat', text: 'hello' }])
    const back = run(away.state, frame({ type: 'resumed', clientId: 'me' }))
    expect(back.state.pending).toMatchObject([{ failed: false, queued: false }])
    expect(run(back.state, heard('me')).state.pending).toEqual([])
  })

  it('after a whole rejoin sends what no server saw, and marks what one may have seen', () => {
    const away = run(inCall('a'), say, lost, { type: 'chat', text: 'later' })
    const back = run(away.state, welcome('me2'))
    expect(sent(back.effects)).toMatchObject([{ type: 'media' }, { type: 'chat', text: 'later' }])
    expect(back.state.pending).toMatchObject([
      { text: 'hello', failed: true },
      { text: 'later', failed: false },
    ])
    // Two losses do not make two messages.
    const twice = run(back.state, lost, welcome('me3'))
    expect(sent(twice.effects)).toMatchObject([{ type: 'media' }])
  })

  it('finds in the history what got through after all', () => {
    const back = run(inCall('a'), heard('a', 'm0', 'first'), say, lost, welcome('me2'))
    const entry = (id: string, from: string, text: string, ts: number) => ({
      id,
      from,
      text,
      ts,
      displayName: from,
    })
    const { state } = run(
      back.state,
      frame({
        type: 'chat_history',
        messages: [
          entry('m0', 'a', 'first', 5),
          entry('m1', 'me', 'hello', 6),
          entry('m2', 'a', 'missed', 7),
        ],
      }),
    )
    expect(state.pending).toEqual([])
    expect(state.messages.map(({ text, mine }) => [text, mine])).toEqual([
      ['first', false],
      ['hello', true],
      ['missed', false],
    ])
    expect(state.unread).toBe(2)
  })

  it('shows a newcomer what was said, without counting it', () => {
    const entry = { id: 'm1', from: 'a', displayName: 'A', text: 'before', ts: 1 }
    const { state, effects } = run(inCall('a'), frame({ type: 'chat_history', messages: [entry] }))
    expect(state).toMatchObject({ unread: 0, messages: [{ text: 'before', mine: false }] })
    expect(effects).toEqual([])
  })
})

describe('leaving', () => {
  it('says goodbye before it closes', () => {
    const { state, effects } = run(inCall('a'), { type: 'leave' })
    expect(kinds(effects)).toEqual(['send', 'cancelRetry', 'closePeers', 'disconnect'])
    expect(sent(effects)).toMatchObject([{ type: 'leave' }])
    expect(effects.at(-1)).toEqual({ type: 'disconnect', final: true })
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
