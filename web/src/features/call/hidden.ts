/** Controls that stepped back: a finger must not press what it cannot see. A mouse brings them back as it moves there. */
export const HIDDEN = 'opacity-0 pointer-coarse:pointer-events-none'
