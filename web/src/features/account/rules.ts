/** The server's rules for names and passwords, told before asking it. An empty answer means fine. */

const USERNAME = /^[a-zA-Z0-9_.-]+$/
const FEWEST_IN_PASSWORD = 10
const MOST_BYTES_IN_PASSWORD = 1024
export const MOST_IN_DISPLAY_NAME = 64

export function checkUsername(username: string): string {
  if (username.length < 3) return 'At least 3 characters.'
  if (username.length > 32) return 'At most 32 characters.'
  if (!USERNAME.test(username)) return 'Only letters a to z, digits, and _ . - are possible.'
  return ''
}

export function checkPassword(password: string): string {
  if ([...password].length < FEWEST_IN_PASSWORD) return `At least ${FEWEST_IN_PASSWORD} characters.`
  if (new TextEncoder().encode(password).length > MOST_BYTES_IN_PASSWORD) return 'That is too long.'
  return ''
}

/** Make a name fit for the room: no control characters, no outer spaces, at most 64 code points. */
export function cleanDisplayName(name: string): string {
  const visible = name
    .replace(/\p{Cc}/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return [...visible].slice(0, MOST_IN_DISPLAY_NAME).join('').trim()
}
