import { useEffect } from 'react'

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} · Chatter` : 'Chatter: video calls on your own server'
  }, [title])
}

/** Keep this page out of search engines while it is shown. */
export function useNoIndex(): void {
  useEffect(() => {
    const meta = document.createElement('meta')
    meta.name = 'robots'
    meta.content = 'noindex, nofollow'
    document.head.append(meta)
    return () => meta.remove()
  }, [])
}
