/** Split text into words and web links. Only http and https become links; everything else stays text. */

export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'link'; readonly text: string; readonly href: string }

const URL_PATTERN = /\bhttps?:\/\/[^\s<>"']+/gi
/** Marks that end a sentence rather than a link. */
const TRAILING = /[.,;:!?…]+$/

export function linkify(text: string): Piece[] {
  const pieces: Piece[] = []
  let end = 0
  for (const match of text.matchAll(URL_PATTERN)) {
    const label = trimLink(match[0])
    const href = safeHref(label)
    if (!href) continue
    if (match.index > end) pieces.push({ kind: 'text', text: text.slice(end, match.index) })
    pieces.push({ kind: 'link', text: label, href })
    end = match.index + label.length
  }
  if (end < text.length) pieces.push({ kind: 'text', text: text.slice(end) })
  return pieces
}

function trimLink(link: string): string {
  let trimmed = link.replace(TRAILING, '')
  // "(see https://example.org/a)" closes a bracket that the link did not open.
  while (/[)\]}]$/.test(trimmed) && !isBalanced(trimmed)) trimmed = trimmed.slice(0, -1).replace(TRAILING, '')
  return trimmed
}

function isBalanced(link: string): boolean {
  const count = (mark: string) => link.split(mark).length - 1
  return count('(') >= count(')') && count('[') >= count(']') && count('{') >= count('}')
}

function safeHref(link: string): string | null {
  try {
    const url = new URL(link)
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : null
  } catch {
    return null
  }
}
