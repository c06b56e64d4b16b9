import js from '@eslint/js'
import jsxA11y from 'eslint-plugin-jsx-a11y'
import reactHooks from 'eslint-plugin-react-hooks'
import globals from 'globals'
import tseslint from 'typescript-eslint'

/** A folder and what it must not know of. Who may use whom is the architecture; this keeps it. */
function layer(folder, reason, forbidden) {
  return {
    files: [`src/${folder}/**`],
    rules: { 'no-restricted-imports': ['error', { patterns: [{ group: forbidden, message: reason }] }] },
  }
}

const REACT = ['react', 'react/*', 'react-dom', 'react-dom/*', 'radix-ui', 'lucide-react']

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'src/protocol/messages.ts'] },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  reactHooks.configs.flat.recommended,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      // An event handler may be async; the rule stays for everything else.
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
      'no-console': ['error', { allow: ['warn'] }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  { files: ['src/**/*.tsx'], ...jsxA11y.flatConfigs.strict },
  {
    files: ['src/**/*.tsx'],
    rules: {
      // Streams of a call have no caption files.
      'jsx-a11y/media-has-caption': 'off',
      // Radix and the ui components bring the control; ids tie it to its label.
      'jsx-a11y/label-has-associated-control': ['error', { assert: 'either' }],
    },
  },
  layer('call', 'The call is pure: no React, no HTTP, no pages.', [
    ...REACT,
    '@/api/*',
    '@/app/*',
    '@/features/*',
    '@/pages/*',
    '@/ui/*',
  ]),
  layer('ui', 'Components of the design system know nothing of calls, rooms or people.', [
    '@/api/*',
    '@/app/*',
    '@/call/*',
    '@/features/*',
    '@/pages/*',
    '@/protocol/*',
  ]),
  layer('api', 'The HTTP client has no user interface.', [
    ...REACT,
    '@/app/*',
    '@/features/*',
    '@/pages/*',
    '@/ui/*',
  ]),
  layer('lib', 'Helpers stand alone.', [
    '@/api/*',
    '@/app/*',
    '@/call/*',
    '@/features/*',
    '@/pages/*',
    '@/protocol/*',
    '@/ui/*',
  ]),
  layer('features', 'Pages put features together, never the other way round.', ['@/pages/*']),
  {
    files: ['**/*.{js,mjs}'],
    ...tseslint.configs.disableTypeChecked,
    languageOptions: {
      globals: { ...globals.node, ...globals.browser },
      parserOptions: { projectService: false },
    },
  },
  { files: ['scripts/**'], rules: { 'no-console': 'off' } },
  {
    files: ['tests/**'],
    rules: {
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
)
