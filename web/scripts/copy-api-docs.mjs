// Puts the page that shows the HTTP API into dist/api-docs/, with all it needs beside it.
import { copyFile, mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const source = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
const own = fileURLToPath(new URL('../api-docs', import.meta.url))
const target = fileURLToPath(new URL('../dist/api-docs', import.meta.url))

await mkdir(target, { recursive: true })
for (const file of ['swagger-ui.css', 'swagger-ui-bundle.js', 'LICENSE', 'NOTICE']) {
  await copyFile(join(source, file), join(target, file))
}
for (const file of ['index.html', 'init.js', 'page.css']) await copyFile(join(own, file), join(target, file))
