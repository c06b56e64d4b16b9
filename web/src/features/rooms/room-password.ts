/** The server's rules for the password of a room, told before asking it. An empty answer means fine. */

const FEWEST_IN_ROOM_PASSWORD = 4
export const MOST_IN_ROOM_PASSWORD = 256

export function checkRoomPassword(password: string): string {
  const { length } = [...password]
  if (length < FEWEST_IN_ROOM_PASSWORD) return `At least ${FEWEST_IN_ROOM_PASSWORD} characters.`
  if (/[\p{Cc}\p{Cs}]/u.test(password)) return 'Only characters that can be seen.'
  if (length > MOST_IN_ROOM_PASSWORD) return `At most ${MOST_IN_ROOM_PASSWORD} characters.`
  return ''
}
