import { describe, expect, it } from 'vitest'
import { linkify } from '@/lib/linkify'

const links = (text: string) => linkify(text).flatMap((piece) => (piece.kind === 'link' ? [piece.href] : []))

describe('linkify', () => {
  it('keeps every character', () => {
    const text = 'see (https://example.org/a_(b)), or http://x.test/?q=1#f. Bye!'
    expect(
      linkify(text)
        .map((piece) => piece.text)
        .join(''),
    ).toBe(text)
    expect(links(text)).toEqual(['https://example.org/a_(b)', 'http://x.test/?q=1#f'])
  })

  it.each([
    'javascript:alert(1)',
    'data:text/html,<b>',
    'ftp://x.test',
    'JAVASCRIPT://https',
    'www.example.org',
    'https://',
  ])('leaves %s as text', (text) => {
    expect(linkify(text)).toEqual([{ kind: 'text', text }])
  })

  it('does not swallow markup', () => {
    expect(links('https://x.test/"><script>')).toEqual(['https://x.test/'])
  })

  it('leaves plain text alone', () => {
    expect(linkify('')).toEqual([])
    expect(linkify('hello')).toEqual([{ kind: 'text', text: 'hello' }])
  })
})
