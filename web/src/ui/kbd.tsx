import type { ReactNode } from 'react'

export function Kbd({ children }: { children: ReactNode }) {
  return (
    <kbd className="rounded-sm border border-border bg-surface-2 px-1.5 font-mono text-xs text-text">
      {children}
    </kbd>
  )
}
