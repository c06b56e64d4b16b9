/**
 * Split text into words and links. Only http, https and mail addresses become links; everything else stays text.
 * What stands on a link never says another place than where it leads: a host in other letters than ASCII is shown in
 * its encoded form (RFC 5890), and an address with a name before the host ("https://bank.com@evil.test") stays text.
 */

export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'link'; readonly text: string; readonly href: string }

/** Marks that hide or turn text around end a link: zero widths, and the controls of writing direction. */
const HIDDEN = '\\u00ad\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u2069\\ufeff'
const URL_LIKE = `https?:\\/\\/[^\\s<>"'\\\\${HIDDEN}]+`
const MAIL_LIKE = "(?:mailto:)?[a-z0-9._%+'-]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\\.[a-z]{2,24}"
const LINK = new RegExp(`(?<![\\w@/.:%+-])(?:${URL_LIKE}|${MAIL_LIKE}(?![\\w@-]))`, 'gi')
/** Marks that end a sentence rather than a link. */
const TRAILING = /[.,;:!?…。、]+$/

export function linkify(text: string): Piece[] {
  const pieces: Piece[] = []
  let end = 0
  for (const match of text.matchAll(LINK)) {
    const typed = trimLink(match[0])
    const link = toLink(typed)
    if (!link) continue
    if (match.index > end) pieces.push({ kind: 'text', text: text.slice(end, match.index) })
    pieces.push(link)
    end = match.index + typed.length
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

function toLink(typed: string): Piece | null {
  if (!/^https?:/i.test(typed)) {
    const address = typed.replace(/^mailto:/i, '')
    return { kind: 'link', text: typed, href: `mailto:${encodeURIComponent(address).replace('%40', '@')}` }
  }
  try {
    const url = new URL(typed)
    if ((url.protocol !== 'http:' && url.protocol !== 'https:') || url.username || url.password) return null
    return { kind: 'link', text: showHost(typed, url), href: url.href }
  } catch {
    return null
  }
}

/** The link as typed, unless its host is not what it looks like. */
function showHost(typed: string, url: URL): string {
  const host = /^https?:\/\/[^/?#]*/i.exec(typed)?.[0] ?? ''
  const isPlain = /^[\x21-\x7e]+$/.test(host) && !host.includes('%')
  return isPlain ? typed : `${url.protocol}//${url.host}${typed.slice(host.length)}`
}
