import type { PeerStats } from '@/call/stats'
import type { Member } from '@/call/types'
import { cn } from '@/lib/cn'
import { Popover } from '@/ui/popover'
import { describeQuality, listNumbers, type Quality } from './quality'
import { useQuality } from './use-quality'

/** How many of the four bars are full. */
const BARS: Readonly<Record<Quality, number>> = { good: 4, fair: 3, poor: 1, lost: 0 }

/** How well someone reaches us, in one sign; the numbers on demand. */
export function QualityMark({ member, narrow }: { member: Member; narrow: boolean }) {
  const watched = useQuality(member.id)
  const quality: Quality | null = member.link === 'lost' ? 'lost' : (watched?.rating.quality ?? null)
  if (quality === null || member.link === 'connecting') return null
  return (
    <div className={cn('absolute', narrow ? 'top-1 right-1' : 'top-2 right-2')}>
      <Popover
        label={`Connection to ${member.displayName}`}
        side="bottom"
        align="end"
        trigger={
          <button
            type="button"
            data-quality={quality}
            aria-label={`${describeQuality(quality)} to ${member.displayName}. Show numbers`}
            className={cn(
              'grid place-items-center rounded-sm bg-video-label text-on-video',
              narrow ? 'size-6 [&_svg]:size-3.5' : 'size-8',
              quality === 'poor' || quality === 'lost' ? 'bg-danger text-on-danger' : '',
            )}
          >
            <Bars full={BARS[quality]} />
          </button>
        }
      >
        <QualityNumbers quality={quality} stats={watched?.stats ?? null} />
      </Popover>
    </div>
  )
}

function Bars({ full }: { full: number }) {
  return (
    <svg aria-hidden viewBox="0 0 16 16" className="size-4" fill="currentColor">
      {[0, 1, 2, 3].map((bar) => (
        <rect
          key={bar}
          x={1 + bar * 4}
          y={10 - bar * 3}
          width={2.6}
          height={4 + bar * 3}
          rx={0.8}
          opacity={bar < full ? 1 : 0.35}
        />
      ))}
    </svg>
  )
}

function QualityNumbers({ quality, stats }: { quality: Quality; stats: PeerStats | null }) {
  return (
    <div className="w-72 text-sm">
      <p className="font-semibold text-pretty">{describeQuality(quality)}</p>
      {stats ? (
        <dl className="mt-2 grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 tabular-nums">
          {listNumbers(stats).map(([name, value]) => (
            <div key={name} className="contents">
              <dt className="text-muted">{name}</dt>
              <dd className="text-right whitespace-nowrap">{value}</dd>
            </div>
          ))}
        </dl>
      ) : (
        <p className="mt-1 text-muted">There is no path right now. We are looking for one.</p>
      )}
    </div>
  )
}
