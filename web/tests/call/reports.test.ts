import { describe, expect, it } from 'vitest'
import type { PathReport } from '@/call/path-report'
import { initialCall } from '@/call/reducer'
import type { CallEvent, CallState } from '@/call/types'
import { frame, inCall, join, participant, participants, run, welcome } from './frames'

const REPORT: PathReport = { connection: 'c1', state: 'failed', reason: 'state' }
const path: CallEvent = { type: 'path', clientId: 'a', report: REPORT }
const digest: CallEvent = { type: 'digest', peers: [{ clientId: 'a', rttMs: 40 }] }
const troubles = (change: CallState['troubles']): CallEvent => ({ type: 'troubles', troubles: change })
const lost: CallEvent = { type: 'closed', code: 1006, random: 0, now: 2_000 }
const OLD_SERVER = welcome('me', { callId: '' })

const sent = (state: CallState, ...events: CallEvent[]) =>
  run(state, ...events).effects.flatMap((effect) => (effect.type === 'send' ? [effect.frame] : []))

describe('the id of the call', () => {
  it('comes with the welcome and stays over a resume and the end', () => {
    const id = 'c'.repeat(32)
    const state = inCall('a')
    expect(initialCall.callId).toBeNull()
    expect(state.callId).toBe(id)
    const resumed = run(state, lost, frame({ type: 'resumed', clientId: 'me' })).state
    expect(resumed.callId).toBe(id)
    expect(run(resumed, { type: 'leave' }).state.callId).toBe(id)
  })

  it('is another after a whole rejoin', () => {
    const next = 'd'.repeat(32)
    const rejoined = run(inCall('a'), lost, welcome('me2', { callId: next })).state
    expect(rejoined.callId).toBe(next)
    expect(run(rejoined, { type: 'leave' }, join).state.callId).toBeNull()
  })

  it('is not known of a server of the version before, which is told nothing', () => {
    const state = run(initialCall, join, OLD_SERVER, participants(participant('a'))).state
    expect(state.callId).toBeNull()
    for (const event of [path, digest, troubles({ audio: 'in_use' })]) expect(sent(state, event)).toEqual([])
  })
})

describe('a path', () => {
  it('is told with an id, also while the connection is lost', () => {
    const state = inCall('a')
    const frame = { type: 'path', clientId: 'a', connection: 'c1', state: 'failed', reason: 'state' }
    expect(sent(state, path)).toEqual([{ ...frame, id: state.nextFrameId }])
    expect(sent(state, lost, path)).toEqual([{ ...frame, id: state.nextFrameId }])
  })

  it('is told to nobody before joining, in the lobby and after leaving', () => {
    const state = inCall('a')
    expect(sent(run(initialCall, join).state, path)).toEqual([])
    expect(sent(state, lost, frame({ type: 'waiting', hostPresent: true }), path)).toEqual([])
    expect(sent(state, { type: 'leave' }, path)).toEqual([])
  })
})

describe('a digest', () => {
  it('is sent without an id', () => {
    expect(sent(inCall('a'), digest)).toEqual([{ type: 'stats', peers: [{ clientId: 'a', rttMs: 40 }] }])
  })

  it('is not sent while the connection is lost, alone, without anyone in it, or after leaving', () => {
    const state = inCall('a')
    expect(sent(state, lost, digest)).toEqual([])
    expect(sent(inCall(), digest)).toEqual([])
    expect(sent(state, { type: 'digest', peers: [] })).toEqual([])
    expect(sent(state, { type: 'leave' }, digest)).toEqual([])
  })

  it('has room for so many', () => {
    const peers = Array.from({ length: 60 }, (_, place) => ({ clientId: `p${place}` }))
    expect(sent(inCall('a'), { type: 'digest', peers })[0]).toHaveProperty('peers.length', 49)
  })
})

describe('trouble with a device', () => {
  const said = (state: CallState, ...events: CallEvent[]) =>
    sent(state, ...events).flatMap((frame) => (frame.type === 'trouble' ? [[frame.media, frame.reason]] : []))

  it('is told once per change', () => {
    const denied = troubles({ audio: 'permission' })
    const state = inCall('a')
    expect(said(state, denied)).toEqual([['audio', 'permission']])
    expect(said(state, denied, denied)).toEqual([])
    const told = run(state, denied).state
    expect(run(told, denied).state).toBe(told)
    expect(said(state, denied, troubles({ audio: 'permission', video: 'in_use' }))).toEqual([
      ['video', 'in_use'],
    ])
    expect(said(state, denied, troubles({ audio: 'in_use' }))).toEqual([['audio', 'in_use']])
    expect(said(state, denied, troubles({}))).toEqual([])
    expect(said(state, denied, troubles({}), denied)).toEqual([['audio', 'permission']])
  })

  it('that began before joining is told after it, once and to each session', () => {
    const before = troubles({ audio: 'permission', screen: 'other' })
    const both = [
      ['audio', 'permission'],
      ['screen', 'other'],
    ]
    expect(said(initialCall, before)).toEqual([])
    expect(said(initialCall, before, join)).toEqual([])
    expect(said(initialCall, before, join, welcome())).toEqual(both)
    const inside = run(initialCall, before, join, welcome()).state
    expect(said(inside, before)).toEqual([])
    expect(said(inside, lost, frame({ type: 'resumed', clientId: 'me' }))).toEqual([])
    expect(said(inside, lost, welcome('me2'))).toEqual(both)
    expect(said(initialCall, before, join, OLD_SERVER)).toEqual([])
  })

  it('is kept with an id while the connection is lost', () => {
    const state = inCall('a')
    expect(sent(state, lost, troubles({ video: 'in_use' }))).toEqual([
      { type: 'trouble', media: 'video', reason: 'in_use', id: state.nextFrameId },
    ])
  })
})
