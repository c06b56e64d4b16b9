/** What the whole app shares, wired once. */
import { createContext, useContext, useSyncExternalStore } from 'react'
import { createApi, type Api } from '@/api/client'
import { Session, type SessionState, type User } from '@/api/session'
import { deviceId, forget, recall, remember } from '@/lib/storage'

export interface Services {
  readonly session: Session
  readonly api: Api
}

export function createServices(): Services {
  const session = new Session({
    fetch: (input, init) => fetch(input, init),
    deviceId,
    hint: {
      get: () => recall('signedIn') === 'yes',
      set: (signedIn) => (signedIn ? remember('signedIn', 'yes') : forget('signedIn')),
    },
    locks: navigator.locks,
    channel: 'BroadcastChannel' in window ? new BroadcastChannel('chatter-session') : undefined,
  })
  return { session, api: createApi(session) }
}

export const ServicesContext = createContext<Services | null>(null)

export function useServices(): Services {
  const services = useContext(ServicesContext)
  if (!services) throw new Error('ServicesContext is missing')
  return services
}

export function useSession(): SessionState {
  const { store } = useServices().session
  return useSyncExternalStore(store.subscribe, store.get)
}

export function useUser(): User | null {
  const session = useSession()
  return session.status === 'signedIn' ? session.user : null
}
