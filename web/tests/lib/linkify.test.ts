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
    'https://example.org@evil.test/',
    'https://user:pass@evil.test/',
    'xhttps://example.org',
    'not@mail',
    'a@b@c.test',
    'vbscript:x@y',
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

  it.each([
    ['write to ana@example.org.', 'mailto:ana@example.org'],
    ['mailto:bo.b+x@mail.example.co.uk', 'mailto:bo.b+x@mail.example.co.uk'],
    ['<ana@example.org>', 'mailto:ana@example.org'],
    ['mailto:ana@example.org?subject=x&bcc=you@evil.test', 'mailto:ana@example.org'],
  ])('a mail address of %s', (text, href) => {
    expect(links(text)[0]?.replace('%2B', '+')).toBe(href)
    expect(links(text).join()).not.toContain('?')
  })

  it.each([
    ['https://аpple.com/x', 'https://xn--pple-43d.com/x'], // the first letter is Cyrillic
    ['https://münchen.de', 'https://xn--mnchen-3ya.de'],
    ['https://bank.com。evil.test/', 'https://bank.com.evil.test/'],
    ['http://%61pple.com/', 'http://apple.com/'],
    ['https://bank.com\\.evil.test/', 'https://bank.com'], // a backslash counts as a slash there
  ])('shows where %s really leads', (text, shown) => {
    const [piece] = linkify(text)
    expect(piece).toMatchObject({ kind: 'link', text: shown })
    const host = (url: string) => new URL(url).host
    expect(host(shown)).toBe(host((piece as { href: string }).href))
  })

  it.each(['\u202e', '\u200b', '\u2066', '\u00ad', '\ufeff'])('a hidden mark (%j) ends the link', (mark) => {
    expect(links(`https://example.org/${mark}gpj.exe`)).toEqual(['https://example.org/'])
  })

  it('ends links at other scripts’ full stops too, and takes several in a row', () => {
    expect(links('https://a.test/x。 https://b.test, ana@example.org!')).toEqual([
      'https://a.test/x',
      'https://b.test/',
      'mailto:ana@example.org',
    ])
  })

  it('is quick with long hostile text', () => {
    for (const text of [
      'a@'.repeat(2_000),
      'https://'.repeat(500),
      'a.'.repeat(2_000) + '@',
      '('.repeat(4_000),
    ])
      expect(
        linkify(text)
          .map((piece) => piece.text)
          .join(''),
      ).toBe(text)
  })
})
