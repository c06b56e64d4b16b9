// Turns src/protocol/schema.json (from `chatter export-schema`) into src/protocol/messages.ts.
// With --check it only compares, and fails when the committed file is stale.
import { readFile, writeFile } from 'node:fs/promises'
import { compile } from 'json-schema-to-typescript'

const schemaFile = new URL('../src/protocol/schema.json', import.meta.url)
const typesFile = new URL('../src/protocol/messages.ts', import.meta.url)

const { $defs, ClientMessage, ServerMessage } = JSON.parse(await readFile(schemaFile, 'utf8'))

/** A server may add fields before this client knows them; types stay closed all the same. */
function closed(node) {
  if (Array.isArray(node)) return node.map(closed)
  if (node === null || typeof node !== 'object') return node
  const copy = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, closed(value)]))
  delete copy.discriminator
  // A tuple without a length is a list; its items are named by the component, not by the place.
  if (typeof copy.properties === 'object') {
    copy.additionalProperties = false
    for (const property of Object.values(copy.properties)) delete property.title
  }
  return copy
}

const document = closed({
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Protocol',
  type: 'object',
  properties: { client: { $ref: '#/$defs/ClientMessage' }, server: { $ref: '#/$defs/ServerMessage' } },
  required: ['client', 'server'],
  $defs: {
    ...$defs,
    ClientMessage: { ...ClientMessage, title: 'ClientMessage' },
    ServerMessage: { ...ServerMessage, title: 'ServerMessage' },
  },
})

const types = await compile(document, 'Protocol', {
  bannerComment: '// Made by `npm run gen:types` from schema.json. Do not edit.',
  additionalProperties: false,
  strictIndexSignatures: true,
  ignoreMinAndMaxItems: true,
  style: { semi: false, singleQuote: true, printWidth: 110 },
})

if (process.argv.includes('--check')) {
  const present = await readFile(typesFile, 'utf8').catch(() => '')
  if (present !== types) {
    console.error('src/protocol/messages.ts is stale: run `npm run gen:types` and commit it.')
    process.exit(1)
  }
} else {
  await writeFile(typesFile, types)
}
