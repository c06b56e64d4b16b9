/** Controls that stepped back: what cannot be seen takes no clicks. Under a resting mouse and with focus they stay. */
export const HIDDEN = 'opacity-0 not-hover:not-focus-within:pointer-events-none'
