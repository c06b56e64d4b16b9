import { Switch as Radix } from 'radix-ui'
import type { ComponentProps } from 'react'
import { cn } from '@/lib/cn'

export function Switch({ className, ...props }: ComponentProps<typeof Radix.Root>) {
  return (
    <Radix.Root
      className={cn(
        'relative h-6 w-11 shrink-0 rounded-full border border-border-strong bg-surface-2 transition-colors data-[state=checked]:border-accent data-[state=checked]:bg-accent',
        className,
      )}
      {...props}
    >
      <Radix.Thumb className="block size-4 translate-x-1 rounded-full bg-border-strong transition-transform data-[state=checked]:translate-x-5.5 data-[state=checked]:bg-on-accent" />
    </Radix.Root>
  )
}
