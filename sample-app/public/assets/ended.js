/* Tells what happened to the session: of this page if one of that name has ended, otherwise to the one that ended last. */
import { explanationOf, keptBy, sentenceOf, stoppedBy } from './end-reasons.js';
import { act, element, make, pathTo, say, sayRetry, showSession } from './page.js';
import { persistentRequest, sessionName } from './requests.js';

function show(endings) {
  const ending = endings.find(({ name }) => name === sessionName) ?? endings[0];
  if (ending === undefined) return say('No session of yours has ended lately.');
  const earlier = endings.filter((other) => other !== ending);
  say(sentenceOf(ending));
  element('explanation').textContent = explanationOf(ending);
  element('stopped').textContent = stoppedBy(ending);
  element('kept').textContent = keptBy(ending);
  element('meaning').hidden = false;
  element('endings').replaceChildren(...earlier.map((other) => make('li', {}, sentenceOf(other))));
  element('earlier').hidden = earlier.length === 0;
}

element('home').href = pathTo('/');
element('search').href = pathTo('/search');

await act(async () => {
  const { generation } = await showSession();
  element('next').textContent = `You are in generation ${generation} of session ${sessionName} now.`;
  const { answer } = await persistentRequest('GET', '/api/endings', { onRetry: sayRetry });
  show(answer.endings);
});
