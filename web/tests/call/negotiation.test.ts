import { describe, expect, it } from 'vitest'
import { Negotiation } from '@/call/negotiation'
import type { Signal } from '@/call/types'
import { FakeConnection } from './fake-connection'

interface Side {
  connection: FakeConnection
  negotiation: Negotiation
  outbox: Signal[]
  errors: unknown[]
  remote: string[]
  candidates: string[]
}

function createSide(name: string, polite: boolean): Side {
  const connection = new FakeConnection(name)
  const outbox: Signal[] = []
  const errors: unknown[] = []
  const remote: string[] = []
  const candidates: string[] = []
  const negotiation = new Negotiation({
    connection,
    polite,
    send: (signal) => outbox.push(signal),
    onRemoteDescription: (type) => remote.push(type),
    onRemoteCandidate: (candidate) => candidates.push(candidate),
    onError: (error) => errors.push(error),
  })
  return { connection, negotiation, outbox, errors, remote, candidates }
}

/** Let all pending promises run out; no time passes. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve()
}

/** Carry signals to and fro until both are silent. */
async function exchange(one: Side, other: Side): Promise<void> {
  for (let round = 0; round < 20; round++) {
    await settle()
    const fromOne = one.outbox.splice(0)
    const fromOther = other.outbox.splice(0)
    if (fromOne.length === 0 && fromOther.length === 0) return
    for (const signal of fromOne) void other.negotiation.receive(signal)
    for (const signal of fromOther) void one.negotiation.receive(signal)
  }
  throw new Error('they never agree')
}

describe('Negotiation', () => {
  it('offers when needed and settles with the answer', async () => {
    const polite = createSide('polite', true)
    const impolite = createSide('impolite', false)
    polite.connection.need()
    await exchange(polite, impolite)
    expect(polite.connection.signalingState).toBe('stable')
    expect(polite.connection.remoteDescription?.sdp).toBe('impolite-answer-1')
    expect(impolite.connection.remoteDescription?.sdp).toBe('polite-offer-1')
    expect(impolite.remote).toEqual(['offer'])
    expect(polite.remote).toEqual(['answer'])
  })

  it('settles glare: the polite side rolls back, answers, and offers again', async () => {
    const polite = createSide('polite', true)
    const impolite = createSide('impolite', false)
    polite.connection.need()
    impolite.connection.need()
    await exchange(polite, impolite)
    expect(polite.connection.rollbacks).toBe(1)
    expect(impolite.connection.rollbacks).toBe(0)
    expect(impolite.connection.applied[0]).toBe('polite-answer-2')
    expect(impolite.connection.applied).toContain('polite-offer-3')
    expect([polite.connection.signalingState, impolite.connection.signalingState]).toEqual([
      'stable',
      'stable',
    ])
    expect([...polite.errors, ...impolite.errors]).toEqual([])
  })

  it('ignores, on the impolite side, an offer that arrives while its own is being made', async () => {
    const impolite = createSide('impolite', false)
    impolite.connection.need()
    // setLocalDescription has not finished: the state still reads stable.
    expect(impolite.connection.signalingState).toBe('stable')
    await impolite.negotiation.receive({ action: 'offer', sdp: 'their offer' })
    await settle()
    expect(impolite.connection.applied).toEqual([])
    expect(impolite.outbox).toEqual([{ action: 'offer', sdp: 'impolite-offer-1' }])
  })

  it('takes an offer that arrives while an answer is being applied (srdAnswerPending)', async () => {
    const impolite = createSide('impolite', false)
    impolite.connection.need()
    await settle()
    let open = () => {}
    impolite.connection.gate = new Promise((resolve) => (open = resolve))
    const answering = impolite.negotiation.receive({ action: 'answer', sdp: 'their answer' })
    await settle()
    expect(impolite.connection.signalingState).toBe('have-local-offer')
    const offering = impolite.negotiation.receive({ action: 'offer', sdp: 'their next offer' })
    open()
    await Promise.all([answering, offering])
    expect(impolite.connection.applied).toEqual(['their answer', 'their next offer'])
    expect(impolite.outbox.at(-1)).toEqual({ action: 'answer', sdp: 'impolite-answer-2' })
    expect(impolite.errors).toEqual([])
  })

  it('keeps candidates that come before the description, in order', async () => {
    const side = createSide('side', true)
    await side.negotiation.receive({ action: 'ice', candidate: { candidate: 'first' } })
    await side.negotiation.receive({ action: 'ice', candidate: { candidate: 'second' } })
    await side.negotiation.receive({ action: 'ice', candidate: { candidate: '' } })
    expect(side.connection.candidates).toEqual([])
    await side.negotiation.receive({ action: 'offer', sdp: 'offer' })
    expect(side.connection.candidates).toEqual(['first', 'second', ''])
    await side.negotiation.receive({ action: 'ice', candidate: { candidate: 'third' } })
    expect(side.connection.candidates).toEqual(['first', 'second', '', 'third'])
    expect(side.candidates).toEqual(['first', 'second', '', 'third'])
    expect(side.errors).toEqual([])
  })

  it('forgives candidates of an offer it ignored, and no others', async () => {
    const impolite = createSide('impolite', false)
    impolite.connection.need()
    await settle()
    await impolite.negotiation.receive({ action: 'offer', sdp: 'ignored' })
    await impolite.negotiation.receive({ action: 'ice', candidate: { candidate: 'unfit' } })
    await impolite.negotiation.receive({ action: 'answer', sdp: 'answer' })
    expect(impolite.errors).toEqual([])
    await impolite.negotiation.receive({ action: 'ice', candidate: { candidate: 'unfit' } })
    expect(impolite.errors).toHaveLength(1)
    expect(impolite.candidates).toEqual([])
  })

  it('drops an answer that comes late or twice', async () => {
    const side = createSide('side', true)
    await side.negotiation.receive({ action: 'answer', sdp: 'out of nowhere' })
    side.connection.need()
    await settle()
    await side.negotiation.receive({ action: 'answer', sdp: 'right' })
    await side.negotiation.receive({ action: 'answer', sdp: 'right, again' })
    expect(side.connection.applied).toEqual(['right'])
    expect(side.errors).toEqual([])
  })

  it('sends candidates, and the end of candidates once', () => {
    const side = createSide('side', true)
    side.connection.gather('one')
    side.connection.gather('')
    side.connection.gather(null)
    side.connection.gather('two')
    side.connection.gather(null)
    const lines = side.outbox.map((signal) =>
      signal.action === 'ice' ? signal.candidate?.candidate : signal.action,
    )
    expect(lines).toEqual(['one', '', 'two', ''])
    expect(side.outbox[0]).toEqual({
      action: 'ice',
      candidate: { candidate: 'one', sdpMid: '0', sdpMLineIndex: 0, usernameFragment: 'u' },
    })
  })

  it('says and does nothing once closed', async () => {
    const side = createSide('side', true)
    const receiving = side.negotiation.receive({ action: 'offer', sdp: 'offer' })
    side.negotiation.close()
    await receiving
    side.connection.gather('late')
    side.connection.need()
    await settle()
    expect(side.outbox).toEqual([])
    expect(side.remote).toEqual([])
  })
})
