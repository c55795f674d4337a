import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const SPECS = ['**/*.spec.ts'];
const TESTS = [...SPECS, 'test/**/*.ts'];
const FIXTURES = ['test/tooling/fixtures/**/*.ts'];

/** The folders of src. Every other file right under src is for all of them and imports none of them. */
const ROOMS = ['http', 'session', 'scope', 'runners'];
/** What puts the folders together. */
const FACADE = { files: ['src/index.ts', 'src/*.module.ts'], regex: ['index', '[^./]+\\.module'] };
/** The one file that may reach into Nest. */
const NEST_INTERNALS = 'nest-internals';

// ---- which folder may import which (docs/architecture.md) ---------------------------------------------------------

const SELF = { regex: '^nestjs-active-session(?:/|$)', message: 'The library does not import itself by name.' };
const NEST_DEEP = {
  regex: '^@nestjs/[^/]+/.+',
  message: `Only src/${NEST_INTERNALS}.ts touches what Nest does not export publicly.`,
};
const EXPRESS = { regex: '^express(?:-session)?(?:/|$)', message: 'Only src/http imports express.' };
const EXPRESS_VALUES = {
  ...EXPRESS,
  allowTypeImports: true,
  message: 'Types only: src/http alone imports express at run time.',
};

const restrict = (files, patterns, ignores = []) => ({
  files,
  ignores: [...SPECS, ...ignores],
  rules: { 'no-restricted-imports': ['error', { patterns }] },
});

/** What lies right under src, seen from a file `depth` folders below it: a pattern sees the text of an import only. */
const fromSrc = (depth, names, message) => ({
  regex: `^${depth === 0 ? '\\./' : `(?:\\.\\./){${depth}}`}(?:${names.join('|')})(?:\\.js$|/|$)`,
  message,
});

const room = (name, { imports, not = [], others }) =>
  [1, 2, 3].map((depth) => {
    const banned = ROOMS.filter((other) => other !== name && !imports.includes(other));
    const arrow = `From other folders, src/${name} imports ${imports.join(', ') || 'nothing'}.`;
    return restrict(
      [`src/${name}/${'*/'.repeat(depth - 1)}*.ts`],
      [fromSrc(depth, [...banned, ...FACADE.regex, ...not], arrow), SELF, NEST_DEEP, ...others],
    );
  });

const NO_ROOM = fromSrc(0, [...ROOMS, ...FACADE.regex], 'All folders import this file: it imports none.');

const arrows = [
  restrict(FACADE.files, [SELF, NEST_DEEP, EXPRESS_VALUES]),
  restrict(['src/*.ts'], [NO_ROOM, SELF, NEST_DEEP, EXPRESS_VALUES], [...FACADE.files, `src/${NEST_INTERNALS}.ts`]),
  restrict([`src/${NEST_INTERNALS}.ts`], [NO_ROOM, SELF, EXPRESS]),
  ...room('http', { imports: ['session', 'scope', 'runners'], others: [] }),
  ...room('session', { imports: ['scope', 'runners'], others: [EXPRESS] }),
  ...room('scope', { imports: [], others: [EXPRESS] }),
  ...room('runners', { imports: [], not: [NEST_INTERNALS], others: [EXPRESS] }),
  restrict(
    ['sample-app/**/*.ts'],
    [
      { regex: '^(?:\\.\\./)+(?:src|dist|test|build)(?:/|$)', message: 'Import from nestjs-active-session.' },
      { regex: '^nestjs-active-session/', message: 'The public entry is the name of the package alone.' },
    ],
  ),
];

const NODE_GLOBALS = Object.fromEntries(Object.getOwnPropertyNames(globalThis).map((name) => [name, 'readonly']));

// ---- a reason beside every exception ------------------------------------------------------------------------------

const reasons = {
  rules: {
    'disable-with-reason': {
      meta: { type: 'suggestion', schema: [], messages: { missing: 'Say why: `eslint-disable-… rule -- reason`.' } },
      create: (context) => ({
        Program() {
          for (const comment of context.sourceCode.getAllComments()) {
            if (/^\s*eslint-disable/.test(comment.value) && !/\s--\s+\S/.test(comment.value)) {
              context.report({ loc: comment.loc, messageId: 'missing' });
            }
          }
        },
      }),
    },
  },
};

export default defineConfig(
  globalIgnores(['dist', 'build', 'coverage', 'bench/node_modules', 'mutation/node_modules']),
  { linterOptions: { reportUnusedDisableDirectives: 'error', reportUnusedInlineConfigs: 'error' } },
  js.configs.recommended,
  { plugins: { local: reasons }, rules: { 'local/disable-with-reason': 'error', eqeqeq: ['error', 'smart'] } },

  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      // Not `project`: with it and TypeScript 6, `eslint --fix` crashes in its second pass.
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      // Leaves imports alone whose class stands in a decorated signature: it reads emitDecoratorMetadata from tsconfig.
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      // `import { type X }` would still load the module, be it an optional peer or the other half of a circle.
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/consistent-type-exports': ['error', { fixMixedExportsWithInlineTypeSpecifier: true }],
      '@typescript-eslint/ban-ts-comment': [
        'error',
        { 'ts-expect-error': 'allow-with-description', minimumDescriptionLength: 10 },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],

      // Nest modules are classes without members.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/no-empty-function': ['error', { allow: ['arrowFunctions', 'private-constructors'] }],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // An abort reason, or what user code threw, is handed on as it is.
      '@typescript-eslint/only-throw-error': ['error', { allowThrowingAny: true, allowThrowingUnknown: true }],
      '@typescript-eslint/prefer-promise-reject-errors': [
        'error',
        { allowThrowingAny: true, allowThrowingUnknown: true },
      ],

      // `async` without `await` makes rejections of what would be thrown.
      '@typescript-eslint/require-await': 'off',
      // `T | void` is what a callback may give back.
      '@typescript-eslint/no-invalid-void-type': 'off',
      // Callers in JavaScript, and state that another turn of the event loop has changed, are unknown to the types.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // A getter on the prototype costs no memory per object.
      '@typescript-eslint/class-literal-property-style': 'off',
      // It asks for the `!` that no-non-null-assertion forbids.
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
      // `NestFactory.create(App, { logger: false })`: Nest's option types are classes, ours too (`Clock`).
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // `get<T>(token)`: the caller names the type.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
    },
  },
  {
    files: ['src/**/*.ts'],
    // Nothing is written past Nest's logger, and no text becomes code.
    rules: { 'no-console': 'error', 'no-eval': 'error', 'no-new-func': 'error', 'no-script-url': 'error' },
  },
  ...arrows,

  {
    files: TESTS,
    rules: {
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  // Not part of the root project: linted without types.
  {
    files: [...FIXTURES, 'bench/**/*.ts'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: {
      parserOptions: { projectService: false, emitDecoratorMetadata: true, experimentalDecorators: true },
    },
  },
  { files: ['**/*.{js,mjs,cjs}'], languageOptions: { globals: NODE_GLOBALS } },
  // Scripts for the browser.
  { files: ['sample-app/public/**/*.js'], rules: { 'no-undef': 'off' } },
);
