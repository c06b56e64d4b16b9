/** Invitations in words. */
import type { Invitation } from '@/api/types'

const HOUR_S = 3_600
const DAY_S = 24 * HOUR_S

export const LIFETIMES: readonly (readonly [seconds: number, label: string])[] = [
  [HOUR_S, '1 hour'],
  [DAY_S, '1 day'],
  [7 * DAY_S, '7 days'],
  [30 * DAY_S, '30 days'],
]
export const DEFAULT_LIFETIME_S = 7 * DAY_S
export const MOST_USES = 10_000

/** Read how many may use an invitation: null for as many as come, undefined for what is no such number. */
export function parseUses(text: string): number | null | undefined {
  if (text.trim() === '') return null
  const uses = Number(text)
  return Number.isInteger(uses) && uses >= 1 && uses <= MOST_USES ? uses : undefined
}

/** "ends in 7 days": the largest unit that fits, to the nearest. */
export function describeRest(expiresAt: string, now: number): string {
  const rest = Date.parse(expiresAt) - now
  if (Number.isNaN(rest)) return 'ends some time'
  if (rest <= 0) return 'has ended'
  const format = new Intl.RelativeTimeFormat('en', { numeric: 'always' })
  const minutes = Math.round(rest / 60_000)
  if (minutes >= 48 * 60) return `ends ${format.format(Math.round(minutes / 1_440), 'day')}`
  if (minutes >= 60) return `ends ${format.format(Math.round(minutes / 60), 'hour')}`
  return minutes === 0 ? 'ends in less than a minute' : `ends ${format.format(minutes, 'minute')}`
}

export function describeUses({ uses, maxUses }: Pick<Invitation, 'uses' | 'maxUses'>): string {
  if (maxUses !== null)
    return uses >= maxUses ? `used up (${uses} of ${maxUses})` : `used ${uses} of ${maxUses} times`
  return uses === 0 ? 'not used yet' : uses === 1 ? 'used once' : `used ${uses} times`
}
