import { cva, type VariantProps } from 'class-variance-authority'
import { Slot } from 'radix-ui'
import type { ComponentProps } from 'react'
import { cn } from '@/lib/cn'

const button = cva(
  'inline-flex items-center justify-center gap-2 rounded-md font-medium whitespace-nowrap transition-colors select-none aria-disabled:opacity-60 disabled:opacity-60 [&_svg]:size-[1.15em] [&_svg]:shrink-0',
  {
    variants: {
      variant: {
        primary: 'bg-accent text-on-accent hover:bg-accent-hover disabled:hover:bg-accent',
        secondary: 'border border-border bg-surface text-text hover:bg-surface-2',
        soft: 'bg-surface-2 text-text hover:bg-surface-3',
        ghost: 'text-text hover:bg-surface-2',
        danger: 'bg-danger text-on-danger hover:bg-danger-hover',
        dangerQuiet: 'text-danger-text hover:bg-danger-soft',
      },
      size: {
        sm: 'h-9 px-3 text-sm',
        md: 'h-11 px-4 text-base',
        lg: 'h-12 px-6 text-base',
        icon: 'size-11',
        iconSm: 'size-9',
      },
    },
    defaultVariants: { variant: 'secondary', size: 'md' },
  },
)

export interface ButtonProps extends ComponentProps<'button'>, VariantProps<typeof button> {
  asChild?: boolean
  /** Work is under way: the button stays focusable and does nothing. */
  busy?: boolean
}

export function Button({ className, variant, size, asChild, busy, type, onClick, ...props }: ButtonProps) {
  const Component = asChild ? Slot.Root : 'button'
  return (
    <Component
      {...(asChild ? {} : { type: type ?? 'button' })}
      className={cn(button({ variant, size }), className)}
      aria-disabled={busy || undefined}
      aria-busy={busy || undefined}
      onClick={(event) => {
        if (busy) event.preventDefault()
        else onClick?.(event)
      }}
      {...props}
    />
  )
}
