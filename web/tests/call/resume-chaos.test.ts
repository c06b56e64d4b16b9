import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Call } from '@/call/controller'
import { LocalMedia } from '@/call/media'
import { FakeServer, seeded } from './fake-server'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

const CUTS = 250

/** Four seeds make 1,000 cuts. A failure names its seed, which replays it exactly. */
it.each([1, 20, 300, 4000])('loses and doubles nothing over 250 cuts (seed %i)', async (seed) => {
  const random = seeded(seed)
  const server = new FakeServer()
  const call = new Call({
    media: new LocalMedia(undefined),
    address: () => Promise.resolve('ws://host/ws/room'),
    createSocket: server.createSocket,
    createConnection: () => {
      throw new Error('nobody else is here')
    },
    random,
  })
  call.join('Me')
  const calm = async () => {
    for (let turn = 0; turn < 10_000 && (!server.connected || server.underWay > 0); turn++) {
      await vi.advanceTimersByTimeAsync(50)
      server.open()
      server.arriveAtServer()
      server.arriveAtClient()
    }
  }
  await calm()

  const said: string[] = []
  let failures = 0
  let cuts = 0
  while (cuts < CUTS) {
    const chance = random()
    if (!server.connected && chance < 0.5) {
      await vi.advanceTimersByTimeAsync(random() * 500)
      server.open()
    } else if (chance < 0.12) {
      const text = `mine ${said.length}`
      said.push(text)
      call.dispatch({ type: 'chat', text })
      const report = { connection: 'c1', state: 'failed', elapsedMs: failures++ } as const
      call.dispatch({ type: 'path', clientId: 'a', report })
      call.dispatch({ type: 'digest', peers: [{ clientId: 'a' }] })
    } else if (chance < 0.24) server.say(`theirs ${server.log.length}`)
    else if (chance < 0.56) server.arriveAtServer()
    else if (chance < 0.9) server.arriveAtClient()
    else if (chance < 0.95) await vi.advanceTimersByTimeAsync(random() * 2_000)
    else if (server.connected) {
      server.cut(Math.floor(random() * 4))
      cuts++
    }
  }
  await calm()

  const { messages, pending, phase, reconnecting } = call.state()
  expect({ phase, reconnecting, pending }).toEqual({ phase: 'in', reconnecting: false, pending: [] })
  expect(server.log.filter((text) => text.startsWith('mine'))).toEqual(said)
  expect(messages.map(({ text }) => text)).toEqual(server.log)
  const reported = server.handled.flatMap((frame) => (frame.type === 'path' ? [frame.elapsedMs] : []))
  expect(reported).toEqual([...Array(failures).keys()])
  expect(server.joins).toBe(1)
  expect(server.resumes).toBeGreaterThan(CUTS / 4)
  call.dispose()
})
