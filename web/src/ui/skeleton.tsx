import { cn } from '@/lib/cn'

export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden className={cn('pulse rounded-md bg-surface-2', className)} />
}
