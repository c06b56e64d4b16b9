export function Logo() {
  return (
    <span className="flex items-center gap-2.5 text-base font-semibold tracking-tight">
      <svg viewBox="0 0 32 32" aria-hidden className="size-8">
        <rect width="32" height="32" rx="9" className="fill-accent" />
        <path
          d="M8 9h12a3 3 0 0 1 3 3v6a3 3 0 0 1-3 3h-6l-5 4v-4H8a3 3 0 0 1-3-3v-6a3 3 0 0 1 3-3z"
          className="fill-on-accent"
        />
        <path d="M25 13.2l2.2-1.3a.6.6 0 0 1 .8.5v5.2a.6.6 0 0 1-.8.5L25 16.8z" className="fill-on-accent" />
        <circle cx="11" cy="15" r="1.5" className="fill-accent" />
        <circle cx="17" cy="15" r="1.5" className="fill-accent" />
      </svg>
      Chatter
    </span>
  )
}
