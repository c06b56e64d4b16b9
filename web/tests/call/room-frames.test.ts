import { describe, expect, it } from 'vitest'
import { initialCall } from '@/call/reducer'
import type { CallEffect } from '@/call/types'
import { frame, inCall, join, participant, participants, run, welcome } from './frames'

const notices = (effects: readonly CallEffect[]) =>
  effects.flatMap((effect) => (effect.type === 'notice' ? [effect.notice] : []))
const sent = (effects: readonly CallEffect[]) =>
  effects.flatMap((effect) => (effect.type === 'send' ? [effect.frame] : []))
const closed = (code: number) => ({ type: 'closed', code, random: 0, now: 1 }) as const

describe('the line of a member to the server', () => {
  it('is told apart from the media, and media is looked after once signals pass again', () => {
    const lost = run(inCall('a'), frame({ type: 'presence', action: 'lost', clientId: 'a', ts: 1 }))
    expect(lost.state.members).toMatchObject([{ id: 'a', signal: 'lost', link: 'connecting' }])
    expect(lost.effects).toEqual([])
    const back = run(lost.state, frame({ type: 'presence', action: 'back', clientId: 'a', ts: 2 }))
    expect(back.state.members).toMatchObject([{ signal: 'ok' }])
    expect(back.effects).toEqual([{ type: 'recoverPeers', clientId: 'a', all: false }])
  })

  it('is known of those who were there before', () => {
    const { state } = run(
      initialCall,
      join,
      welcome(),
      participants(participant('a', { link: 'lost', handRaisedAt: 4, kind: 'recorder' })),
    )
    expect(state.members).toMatchObject([{ signal: 'lost', handRaisedAt: 4, kind: 'recorder' }])
  })
})

describe('the lobby', () => {
  it('is a phase of its own, until someone opens', () => {
    const waiting = run(initialCall, join, frame({ type: 'waiting', hostPresent: false }))
    expect(waiting.state).toMatchObject({ phase: 'waiting', hostPresent: false, reconnecting: false })
    const noticed = run(waiting.state, frame({ type: 'waiting', hostPresent: true }))
    expect(noticed.state.hostPresent).toBe(true)
    expect(run(noticed.state, welcome()).state.phase).toBe('in')
    expect(run(noticed.state, closed(4511)).state.ended).toEqual({ reason: 'denied', code: 4511 })
  })

  it('is knocked at again after a lost connection', () => {
    const { state, effects } = run(
      initialCall,
      join,
      frame({ type: 'waiting', hostPresent: true }),
      closed(1006),
      { type: 'retryDue' },
    )
    expect(state).toMatchObject({ phase: 'waiting', reconnecting: true })
    expect(effects).toMatchObject([{ type: 'connect', dial: { resume: null } }])
  })

  it('has to be passed again by someone who lost the session', () => {
    const waiting = run(inCall('a'), closed(4002), frame({ type: 'waiting', hostPresent: true }))
    expect(waiting.state).toMatchObject({ phase: 'waiting', members: [] })
    expect(waiting.effects).toEqual([{ type: 'closePeers' }, { type: 'turnOff', media: 'screen' }])
    const back = run(waiting.state, welcome('me2'))
    expect(notices(back.effects)).toEqual([{ kind: 'reconnected' }])
  })

  it('can be left', () => {
    const { state, effects } = run(initialCall, join, frame({ type: 'waiting', hostPresent: true }), {
      type: 'leave',
    })
    expect(sent(effects)).toMatchObject([{ type: 'leave' }])
    expect(state.phase).toBe('ended')
  })

  it('tells those who may open of each who comes, once', () => {
    const lobby = (...ids: string[]) =>
      frame({ type: 'lobby', waiting: ids.map((id) => ({ id, displayName: id.toUpperCase() })) })
    const one = run(inCall('a'), lobby('k'))
    expect(notices(one.effects)).toEqual([{ kind: 'knock', clientId: 'k', name: 'K' }])
    const two = run(one.state, lobby('k', 'l'))
    expect(notices(two.effects)).toEqual([{ kind: 'knock', clientId: 'l', name: 'L' }])
    expect(run(two.state, lobby('l'))).toMatchObject({ effects: [], state: { lobby: [{ id: 'l' }] } })
  })
})

describe('passwords and invitations', () => {
  it('go with the hello, and stay for a rejoin until others replace them', () => {
    const invited = run(initialCall, { ...join, entry: { invitation: 'i', guestId: 'g' } })
    expect(invited.effects).toMatchObject([
      { dial: { hello: { displayName: 'Me', invitation: 'i', guestId: 'g' } } },
    ])
    const asked = run(invited.state, closed(4513))
    expect(asked.state.ended).toEqual({ reason: 'password_required', code: 4513 })
    const again = run(asked.state, { ...join, entry: { guestId: 'g', password: 'p' } })
    expect(again.effects).toMatchObject([{ dial: { hello: { password: 'p', guestId: 'g' } } }])
    const wrong = run(again.state, closed(4514), join)
    expect(wrong.effects).toMatchObject([{ dial: { hello: { password: 'p' } } }])
  })
})

describe('what those who run the call do', () => {
  it('sends each command as it is', () => {
    const { effects } = run(inCall('a'), {
      type: 'command',
      command: { type: 'mute', clientId: 'a', media: 'audio' },
    })
    expect(sent(effects)).toEqual([{ type: 'mute', clientId: 'a', media: 'audio', id: 2 }])
    expect(run(initialCall, { type: 'command', command: { type: 'end' } }).effects).toEqual([])
  })

  it('turns the own device off, and says who did it', () => {
    const { state, effects } = run(
      inCall('a'),
      frame({ type: 'muted', clientId: 'me', media: 'audio', by: 'a' }),
    )
    expect(state.media.audio).toBe(false)
    expect(effects).toEqual([
      { type: 'turnOff', media: 'audio' },
      { type: 'notice', notice: { kind: 'mutedBy', media: 'audio', by: 'A' } },
      // What an unmute of ours, under way meanwhile, made the others believe.
      { type: 'send', frame: { type: 'media', audio: false, video: false, screen: false, id: 2 } },
    ])
    expect(run(state, frame({ type: 'muted', clientId: 'a', media: 'audio', by: 'me' })).effects).toEqual([])
  })

  it('tells of the door', () => {
    const locked = run(inCall('a'), frame({ type: 'room', room: { locked: true, lobby: 'off' }, by: 'a' }))
    expect(locked.state.room).toEqual({ locked: true, lobby: 'off' })
    expect(notices(locked.effects)).toEqual([{ kind: 'locked', by: 'A' }])
    const open = run(locked.state, frame({ type: 'room', room: { locked: false, lobby: 'guests' } }))
    expect(notices(open.effects)).toEqual([
      { kind: 'unlocked', by: null },
      { kind: 'lobby', mode: 'guests', by: null },
    ])
  })

  it('tells of roles, and forgets the lobby with the right to open', () => {
    const knock = frame({ type: 'lobby', waiting: [{ id: 'k', displayName: 'K' }] })
    const role = (clientId: string, to: 'host' | 'moderator' | 'member') =>
      frame({ type: 'role', clientId, role: to, by: 'a' })
    const host = run(inCall('a'), role('me', 'host'), knock)
    expect(host.state).toMatchObject({ role: 'host', lobby: [{ id: 'k' }] })
    const member = run(host.state, role('me', 'member'))
    expect(member.state).toMatchObject({ role: 'member', lobby: [] })
    expect(notices(member.effects)).toEqual([
      { kind: 'role', name: 'Me', role: 'member', mine: true, by: 'A' },
    ])
    expect(run(member.state, role('a', 'moderator')).state.members).toMatchObject([{ role: 'moderator' }])
  })

  it('says who was removed and by whom', () => {
    const { state, effects } = run(
      inCall('a', 'b'),
      frame({ type: 'presence', action: 'leave', clientId: 'b', ts: 1, reason: 'removed', by: 'a' }),
    )
    expect(state.members).toHaveLength(1)
    expect(notices(effects)).toEqual([{ kind: 'removed', name: 'B', by: 'A' }])
  })

  it('says who took us out, where the server says so', () => {
    const told = frame({
      type: 'presence',
      action: 'leave',
      clientId: 'me',
      ts: 1,
      reason: 'banned',
      by: 'a',
    })
    expect(run(inCall('a'), told, closed(4503)).state.ended).toEqual({
      reason: 'banned',
      code: 4503,
      by: 'A',
    })
    expect(run(inCall('a'), closed(4510)).state.ended).toEqual({ reason: 'ended', code: 4510 })
  })

  it('says when something is not allowed', () => {
    const refused = frame({ type: 'error', code: 'forbidden', message: '', retryable: false, ref: 3 })
    expect(notices(run(inCall('a'), refused).effects)).toEqual([{ kind: 'forbidden' }])
  })
})

describe('hands and reactions', () => {
  it('keeps when a hand went up, ours too', () => {
    const hand = (clientId: string, raised: boolean) => frame({ type: 'hand', clientId, raised, ts: 9 })
    const up = run(inCall('a'), hand('me', true), hand('a', true))
    expect(up.state).toMatchObject({ handRaisedAt: 9, members: [{ handRaisedAt: 9 }] })
    expect(notices(up.effects)).toEqual([{ kind: 'handRaised', clientId: 'a', name: 'A' }])
    const down = run(up.state, hand('me', false), hand('a', false))
    expect(down.state).toMatchObject({ handRaisedAt: null, members: [{ handRaisedAt: null }] })
    expect(sent(run(down.state, { type: 'hand', raised: true }).effects)).toMatchObject([
      { type: 'hand', raised: true },
    ])
  })

  it('shows everyone’s reactions, ours too', () => {
    const from = (clientId: string) => frame({ type: 'reaction', clientId, emoji: '🎉' })
    expect(notices(run(inCall('a'), from('a')).effects)).toEqual([
      { kind: 'reaction', clientId: 'a', name: 'A', emoji: '🎉', mine: false },
    ])
    expect(notices(run(inCall('a'), from('me')).effects)).toMatchObject([{ name: 'Me', mine: true }])
    expect(run(inCall('a'), from('gone')).effects).toEqual([])
    expect(sent(run(inCall(), { type: 'react', emoji: '👍' }).effects)).toMatchObject([
      { type: 'reaction', emoji: '👍' },
    ])
  })
})

describe('a recorder', () => {
  it('is offered to at once, and announced as what it is', () => {
    const came = run(
      inCall('a'),
      frame({
        type: 'presence',
        action: 'join',
        clientId: 'r',
        displayName: 'Recorder',
        role: 'member',
        polite: false,
        kind: 'recorder',
        ts: 1,
      }),
    )
    expect(came.effects).toEqual([
      { type: 'openPeer', clientId: 'r', polite: false, initiate: true, kind: 'recorder' },
      { type: 'notice', notice: { kind: 'recordingStarted' } },
    ])
    const went = run(came.state, frame({ type: 'presence', action: 'leave', clientId: 'r', ts: 2 }))
    expect(notices(went.effects)).toEqual([{ kind: 'recordingStopped' }])
  })
})

describe('TURN credentials', () => {
  const inWithTtl = (iceTtlMs: number) =>
    run(initialCall, join, welcome('me', { iceTtlMs }), participants()).state
  const servers = frame({ type: 'ice_servers', iceServers: [{ urls: ['turn:t'] }], ttlMs: 600_000 })

  it('are renewed before they end, once', () => {
    const early = run(inWithTtl(600_000), { type: 'tick', now: 400_000 })
    expect(early.effects).toEqual([])
    const due = run(early.state, { type: 'tick', now: 452_000 })
    expect(sent(due.effects)).toMatchObject([{ type: 'ice_servers' }])
    expect(run(due.state, { type: 'tick', now: 460_000 }).effects).toEqual([])
    const renewed = run(due.state, servers)
    expect(renewed.effects).toEqual([{ type: 'configurePeers', iceServers: [{ urls: ['turn:t'] }] }])
    expect(renewed.state.iceExpiry).toEqual({ at: 601_000, ttlMs: 600_000 })
  })

  it('that never end are left alone', () => {
    expect(run(inWithTtl(0), { type: 'tick', now: 1e9 }).effects).toEqual([])
  })

  it('that ended in a sleep are renewed before paths are looked for', () => {
    const woken = run(inWithTtl(600_000), { type: 'networkChanged', now: 900_000 })
    expect(woken.effects.map(({ type }) => type)).toEqual(['probe', 'send'])
    expect(run(woken.state, servers).effects.at(-1)).toEqual({
      type: 'recoverPeers',
      clientId: null,
      all: true,
    })
  })
})
