import type { ReactNode } from 'react'
import { cn } from '@/lib/cn'

interface NoticeProps {
  tone?: 'plain' | 'error'
  icon?: ReactNode
  children: ReactNode
  role?: 'alert' | 'status'
  className?: string
}

/** A few words in a quiet box, inside a form or a page. */
export function Notice({ tone = 'plain', icon, children, role, className }: NoticeProps) {
  return (
    <div
      role={role}
      className={cn(
        'flex items-start gap-3 rounded-md px-4 py-3 text-sm [&>svg]:mt-0.5 [&>svg]:size-4 [&>svg]:shrink-0',
        tone === 'error' ? 'bg-danger-soft text-danger-text' : 'bg-surface-2 text-text',
        className,
      )}
    >
      {icon}
      <div className="min-w-0 flex-1">{children}</div>
    </div>
  )
}
