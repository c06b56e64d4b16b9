import { cn } from '@/lib/cn'

/** The first letters of a name on a quiet ground. The name stands beside it, so it is hidden from screen readers. */
export function Avatar({ name, className }: { name: string; className?: string }) {
  return (
    <span
      aria-hidden
      className={cn(
        'grid aspect-square shrink-0 place-items-center rounded-full bg-accent-soft font-semibold text-on-accent-soft select-none',
        className,
      )}
    >
      {initials(name)}
    </span>
  )
}

export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean)
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : words
  return (
    letters
      .map((word) => [...(word ?? '')][0] ?? '')
      .join('')
      .toLocaleUpperCase() || '?'
  )
}
