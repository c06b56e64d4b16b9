interface Counts {
  readonly unread: number
  readonly hands: number
  readonly knocks: number
}

/** The words of the tab: "(2) 🚪 ✋ Stand-up · Chatter". */
export function describeTitle(name: string, { unread, hands, knocks }: Counts): string {
  const count = unread > 0 ? `(${unread > 99 ? '99+' : unread}) ` : ''
  return `${count}${knocks > 0 ? '🚪 ' : ''}${hands > 0 ? '✋ ' : ''}${name} · Chatter`
}
