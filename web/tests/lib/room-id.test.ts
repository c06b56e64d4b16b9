import { describe, expect, it } from 'vitest'
import { parseRoomInput, slugify } from '@/lib/room-id'

describe('parseRoomInput', () => {
  it.each([
    ['stand-up', 'stand-up'],
    ['  Stand-Up ', 'stand-up'],
    ['https://chat.example/r/k3v9xq2mhd?x=1#y', 'k3v9xq2mhd'],
    ['chat.example/r/k3v9xq2mhd/', 'k3v9xq2mhd'],
  ])('reads %j', (input, id) => {
    expect(parseRoomInput(input)).toBe(id)
  })

  it.each(['', 'ab', '-abc', 'abc-', 'a b c', 'https://example.org/', 'x'.repeat(65), '/r/../settings'])(
    'finds no room in %j',
    (input) => {
      expect(parseRoomInput(input)).toBeNull()
    },
  )
})

it('makes an address out of a name', () => {
  expect(slugify('Stand-up, Über alle! ')).toBe('stand-up-u-ber-alle')
  expect(slugify('会議')).toBe('')
})
