/** A router of one page: five paths do not need a library. */
import { useSyncExternalStore, type ComponentProps, type MouseEvent } from 'react'

const listeners = new Set<() => void>()

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  window.addEventListener('popstate', listener)
  return () => {
    listeners.delete(listener)
    window.removeEventListener('popstate', listener)
  }
}

export function navigate(to: string, { replace = false }: { replace?: boolean } = {}): void {
  window.history[replace ? 'replaceState' : 'pushState'](null, '', to)
  window.scrollTo(0, 0)
  for (const listener of listeners) listener()
}

/** The path, without a trailing slash. */
export function usePath(): string {
  return useSyncExternalStore(subscribe, () => window.location.pathname.replace(/(.)\/+$/, '$1'))
}

export function useSearch(): URLSearchParams {
  return new URLSearchParams(useSyncExternalStore(subscribe, () => window.location.search))
}

/** Where to go after signing in: only ever a path of this site. */
export function safeNext(next: string | null): string {
  if (!next?.startsWith('/')) return '/'
  const url = new URL(next, window.location.origin)
  return url.origin === window.location.origin ? `${url.pathname}${url.search}` : '/'
}

export function signInPath(next?: string): string {
  return next && next !== '/' ? `/signin?next=${encodeURIComponent(next)}` : '/signin'
}

interface LinkProps extends ComponentProps<'a'> {
  href: string
}

export function Link({ href, onClick, children, ...props }: LinkProps) {
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event)
    const elsewhere = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0
    if (event.defaultPrevented || elsewhere) return
    event.preventDefault()
    navigate(href)
  }
  return (
    <a href={href} onClick={follow} {...props}>
      {children}
    </a>
  )
}
