import type { ComponentProps } from 'react'
import { cn } from '@/lib/cn'

export const fieldClasses =
  'w-full rounded-md border border-border-strong bg-surface px-3 text-base text-text transition-colors hover:border-text aria-invalid:border-danger-text'

export function Input({ className, ...props }: ComponentProps<'input'>) {
  return <input className={cn(fieldClasses, 'h-11', className)} {...props} />
}
