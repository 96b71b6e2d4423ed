import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['**/node_modules/', '**/dist/', 'lib/', 'labextension/', '.venv/', '.cache/'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx', '**/*.mjs', '**/*.js'],
    rules: {
      eqeqeq: 'error',
      'prefer-const': 'error',
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-explicit-any': 'error',
    },
  },
  // The library knows nothing of Node: only these two folders may import its modules.
  {
    files: ['kernel-lib/src/**/*.ts'],
    ignores: ['kernel-lib/src/node/**', 'kernel-lib/src/jupyter/**'],
    rules: {
      'no-restricted-imports': ['error', { patterns: ['node:*', '**/node/*', '**/jupyter/*', 'webgpu', 'tslab'] }],
    },
  },
  { files: ['**/*.js', '**/*.cjs'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
);
