import { render } from '@testing-library/react'
import axe from 'axe-core'
import type { ReactNode } from 'react'
import { expect } from 'vitest'
import { createApi } from '@/api/client'
import { Session } from '@/api/session'
import type { Room } from '@/api/types'
import { ServicesContext } from '@/app/services'
import { Toaster } from '@/ui/toast'
import { TooltipProvider } from '@/ui/tooltip'

export const room: Room = {
  roomId: 'stand-up',
  name: 'Stand-up',
  guestsAllowed: true,
  maxMembers: 8,
  lobby: 'off',
  passwordRequired: false,
  members: 0,
  owner: true,
  wsUrl: 'ws://localhost:8081/ws/stand-up',
  createdAt: '2026-01-01T00:00:00Z',
}

export type Answers = Record<string, unknown>

/** A server of canned answers, by "METHOD /path"; an Error-like `{status, code}` refuses. */
export function createServices(answers: Answers, signedIn = false) {
  const asked: { call: string; body: unknown }[] = []
  const session = new Session({
    fetch: async (path, init) => {
      const invitation = new Headers(init.headers).get('X-Invitation')
      const call = `${init.method} ${path.replace('/api', '')}${invitation ? ` by ${invitation}` : ''}`
      asked.push({ call, body: typeof init.body === 'string' ? JSON.parse(init.body) : undefined })
      const answer = answers[call]
      if (answer === undefined)
        return Response.json({ error: `no ${call}`, code: 'not_found' }, { status: 404 })
      if (typeof answer === 'object' && answer !== null && 'code' in answer && 'status' in answer) {
        return Response.json(
          { error: 'words', code: answer.code, request_id: 'r1' },
          { status: Number(answer.status) },
        )
      }
      return answer === null ? new Response(null, { status: 204 }) : Response.json(answer)
    },
    deviceId: () => 'device-1',
    hint: { get: () => signedIn, set: () => undefined },
  })
  if (signedIn) session.store.set({ status: 'signedIn', user: { id: 1, username: 'alice' } })
  else session.store.set({ status: 'signedOut' })
  return { services: { session, api: createApi(session) }, asked }
}

export function show(page: ReactNode, answers: Answers = {}, signedIn = false) {
  const { services, asked } = createServices(answers, signedIn)
  const view = render(
    <ServicesContext value={services}>
      <TooltipProvider>
        {page}
        <Toaster />
      </TooltipProvider>
    </ServicesContext>,
  )
  return { ...view, asked, services }
}

/** Colours need a real browser; everything else of axe works here. */
export async function expectAccessible(): Promise<void> {
  const { violations } = await axe.run(document.body, { rules: { 'color-contrast': { enabled: false } } })
  expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([])
}
