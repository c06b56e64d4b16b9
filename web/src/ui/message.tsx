import type { ReactNode } from 'react'

interface MessageProps {
  icon: ReactNode
  title: ReactNode
  children?: ReactNode
  actions?: ReactNode
  /** Small print for support. */
  reference?: string | undefined
}

/** What happened, and what one can do: the body of an empty, failed or finished state. */
export function Message({ icon, title, children, actions, reference }: MessageProps) {
  return (
    <div className="mx-auto flex max-w-md flex-col items-center gap-4 px-4 py-12 text-center">
      <span className="grid size-14 place-items-center rounded-full bg-surface-2 text-muted [&_svg]:size-6">
        {icon}
      </span>
      <h1 className="text-xl font-semibold text-balance">{title}</h1>
      {children && <div className="text-base text-pretty text-muted">{children}</div>}
      {actions && <div className="mt-2 flex flex-wrap justify-center gap-3">{actions}</div>}
      {reference && <p className="font-mono text-xs text-muted">{reference}</p>}
    </div>
  )
}
