import { act, say, showSession } from './page.js';

await act(async () => {
  const { runners } = await showSession();
  say(`${runners.length} runners.`);
});
