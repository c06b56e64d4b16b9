import { useSyncExternalStore, type ReactNode } from 'react'
import { createStore } from '@/lib/store'
import { cn } from '@/lib/cn'

interface Toast {
  readonly id: number
  readonly text: ReactNode
  readonly tone: 'plain' | 'error'
  readonly action?: { readonly label: string; readonly run: () => void } | undefined
}

const toasts = createStore<readonly Toast[]>([])
let nextId = 1
export const MOST_SHOWN = 3

/** Say something in passing. It goes by itself, so nothing may depend on it being read. Returns what lets it go now. */
export function toast(
  text: ReactNode,
  {
    tone = 'plain',
    action,
    forMs = 4_500,
  }: { tone?: Toast['tone']; action?: Toast['action']; forMs?: number } = {},
): () => void {
  const id = nextId++
  const dismiss = () => toasts.set(toasts.get().filter((shown) => shown.id !== id))
  toasts.set([...toasts.get().slice(1 - MOST_SHOWN), { id, text, tone, action }])
  setTimeout(dismiss, forMs)
  return dismiss
}

export function Toaster() {
  const shown = useSyncExternalStore(toasts.subscribe, toasts.get)
  return (
    <div
      role="status"
      aria-live="polite"
      // On a phone below the headers of pages and panels, whose buttons it must not cover.
      className="pointer-events-none fixed inset-x-0 top-[max(1rem,env(safe-area-inset-top))] z-50 flex flex-col items-center gap-2 px-4 max-sm:top-[calc(4rem+env(safe-area-inset-top))]"
    >
      {shown.map(({ id, text, tone, action }) => (
        <div
          key={id}
          className={cn(
            'appear pointer-events-auto flex max-sm:not-last:hidden max-w-md items-center gap-3 rounded-md border px-4 py-2.5 text-sm shadow-lg',
            tone === 'error'
              ? 'border-danger-text bg-danger-soft text-danger-text'
              : 'border-border bg-surface text-text',
          )}
        >
          <span className="line-clamp-2 min-w-0">{text}</span>
          {action && (
            <button
              type="button"
              className="shrink-0 font-semibold text-accent underline-offset-2 hover:underline"
              onClick={action.run}
            >
              {action.label}
            </button>
          )}
        </div>
      ))}
    </div>
  )
}
