import { linkify } from '@/lib/linkify'

/** Text with its web links, made of nodes: what people type is never read as markup. */
export function MessageText({ text }: { text: string }) {
  return (
    <p className="text-base break-words whitespace-pre-wrap">
      {linkify(text).map((piece, index) =>
        piece.kind === 'link' ? (
          <a
            key={index}
            href={piece.href}
            target="_blank"
            rel="noopener noreferrer"
            className="font-medium text-accent underline underline-offset-2"
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
