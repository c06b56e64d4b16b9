import type { ReactNode } from 'react'
import { cn } from '@/lib/cn'
import { Skeleton } from '@/ui/skeleton'
import { Header } from './header'

/** A page with the header, outside of a call. */
export function Page({ children, className }: { children: ReactNode; className?: string }) {
  return (
    <div className="flex min-h-dvh flex-col">
      <Header />
      <main
        id="main"
        tabIndex={-1}
        className={cn('mx-auto w-full max-w-5xl flex-1 px-4 pt-4 pb-16 outline-none sm:px-6', className)}
      >
        {children}
      </main>
    </div>
  )
}

export function PageSkeleton() {
  return (
    <div className="mx-auto flex min-h-dvh w-full max-w-5xl flex-col gap-6 px-4 py-5 sm:px-6">
      <Skeleton className="h-8 w-32" />
      <Skeleton className="mt-8 h-10 w-2/3" />
      <Skeleton className="h-40 w-full" />
      <p role="status" className="late text-sm text-muted">
        Loading…
      </p>
    </div>
  )
}
