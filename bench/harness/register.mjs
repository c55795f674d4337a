// Lets Node run the benchmarks' TypeScript. The library is what `npm run build` has made of it, as its users get it.
import { register } from 'node:module';

register('../../test/tooling/typescript-hooks.mjs', import.meta.url, {
  data: { library: new URL('../../dist/index.js', import.meta.url).href },
});
