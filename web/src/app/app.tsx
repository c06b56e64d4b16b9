import { lazy, Suspense, useEffect, useRef } from 'react'
import { TooltipProvider } from '@/ui/tooltip'
import { Toaster } from '@/ui/toast'
import { PageSkeleton } from '@/features/shell/page'
import { HomePage } from '@/pages/home'
import { NotFoundPage } from '@/pages/not-found'
import { ErrorBoundary } from './error-boundary'
import { usePath } from './router'
import { ServicesContext, type Services } from './services'

const RoomPage = lazy(() => import('@/pages/room'))
const CallsPage = lazy(() => import('@/pages/calls'))
const CallRecordPage = lazy(() => import('@/pages/call-record'))
const AccountPage = lazy(() => import('@/pages/account'))
const SettingsPage = lazy(() => import('@/pages/settings'))

export function App({ services }: { services: Services }) {
  return (
    <ServicesContext value={services}>
      <TooltipProvider delayDuration={400} skipDelayDuration={200}>
        <a
          href="#main"
          className="fixed top-2 left-2 z-50 -translate-y-20 rounded-md bg-accent px-4 py-2 font-medium text-on-accent focus:translate-y-0"
        >
          Skip to content
        </a>
        <ErrorBoundary>
          <Suspense fallback={<PageSkeleton />}>
            <Route />
          </Suspense>
        </ErrorBoundary>
        <Toaster />
      </TooltipProvider>
    </ServicesContext>
  )
}

function Route() {
  const path = usePath()
  useFocusOnNavigation(path)
  const [, room, calls, call] = /^\/r\/([^/]+)(?:(\/calls)(?:\/([^/]+))?)?$/.exec(path) ?? []
  if (room !== undefined) {
    const roomId = decode(room)
    if (call !== undefined) return <CallRecordPage key={path} roomId={roomId} callId={decode(call)} />
    if (calls !== undefined) return <CallsPage key={path} roomId={roomId} />
    return <RoomPage key={room} roomId={roomId} />
  }
  switch (path) {
    case '/':
      return <HomePage />
    case '/signin':
    case '/signup':
      return <AccountPage key={path} mode={path === '/signin' ? 'signIn' : 'signUp'} />
    case '/settings':
      return <SettingsPage />
    default:
      return <NotFoundPage />
  }
}

/** A new page begins at its content, as a page load would. */
function useFocusOnNavigation(path: string): void {
  const shown = useRef(path)
  useEffect(() => {
    if (shown.current === path) return
    shown.current = path
    const main = document.getElementById('main')
    if (main && !main.contains(document.activeElement)) main.focus({ preventScroll: true })
  }, [path])
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
