// Fails when a first load brings more compressed JavaScript than the budget allows.
import { readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'

const BUDGET = 150 * 1024
/** The screen of the call comes while one looks into the mirror, so it may come on top. */
const CALL_BUDGET = 180 * 1024
/** What someone loads who opens this page first: the entry and the page's own chunk. */
const FIRST_LOADS = {
  'home, signed out': [],
  'home, signed in': ['src/features/rooms/room-list.tsx'],
  'sign in': ['src/pages/account.tsx'],
  'room, before joining': ['src/pages/room.tsx'],
  'calls of a room': ['src/pages/calls.tsx'],
  'one call': ['src/pages/call-record.tsx'],
  settings: ['src/pages/settings.tsx'],
}
const IN_CALL = {
  'room, in the call': ['src/pages/room.tsx', 'src/features/call/call-screen.tsx'],
}

const dist = new URL('../dist/', import.meta.url)
const manifest = JSON.parse(await readFile(new URL('.vite/manifest.json', dist), 'utf8'))

function filesOf(key, seen = new Set()) {
  const chunk = manifest[key]
  if (!chunk) throw new Error(`${key} is not in the manifest: build first, or name the page anew here`)
  if (seen.has(key)) return []
  seen.add(key)
  return [chunk.file, ...(chunk.imports ?? []).flatMap((next) => filesOf(next, seen))]
}

const sizes = new Map()
async function compressed(file) {
  if (!sizes.has(file)) sizes.set(file, gzipSync(await readFile(new URL(file, dist)), { level: 9 }).length)
  return sizes.get(file)
}

const always = ['theme.js', ...filesOf('index.html')]
let failed = false
const pages = [
  ...Object.entries(FIRST_LOADS).map(([name, keys]) => ({ name, keys, budget: BUDGET })),
  ...Object.entries(IN_CALL).map(([name, keys]) => ({ name, keys, budget: CALL_BUDGET })),
]
for (const { name, keys, budget } of pages) {
  const files = new Set([...always, ...keys.flatMap((key) => filesOf(key))])
  let total = 0
  for (const file of files) total += await compressed(file)
  const over = total > budget
  failed ||= over
  console.log(
    `${over ? 'OVER ' : 'ok   '}${(total / 1024).toFixed(1).padStart(6)} KB of ${budget / 1024} KB  ${name}`,
  )
}
process.exit(failed ? 1 : 0)
