import { linkify } from '@/lib/linkify'

/**
 * Text with its links, made of nodes: what people type is never read as markup. Each message keeps its writing
 * direction to itself, so that a mark in one cannot turn the next around.
 */
export function MessageText({ text }: { text: string }) {
  return (
    <p dir="auto" className="isolate text-base break-words whitespace-pre-wrap [unicode-bidi:isolate]">
      {linkify(text).map((piece, index) =>
        piece.kind === 'link' ? (
          <a
            key={index}
            href={piece.href}
            target="_blank"
            rel="noopener noreferrer nofollow"
            className="font-medium break-all text-accent underline underline-offset-2"
          >
            {piece.text}
          </a>
        ) : (
          piece.text
        ),
      )}
    </p>
  )
}
