/* Why sessions end, in plain words. */

const REASONS = new Map([
  ['terminated', { brief: 'you asked for a new one', more: 'Somebody pressed “New session”, here or in another tab.' }],
  [
    'idle',
    {
      brief: 'nobody used it for too long',
      more: 'No request came for the whole idle time, so nobody seemed to need it.',
    },
  ],
  [
    'max-lifetime',
    {
      brief: 'it had become too old',
      more: 'Each session ends at a certain age, used or not, so that nothing stays forever.',
    },
  ],
  [
    'user-session-ended',
    { brief: 'you logged out', more: 'A logout ends all that the user has. So does another user who logs in over it.' },
  ],
  [
    'evicted',
    { brief: 'there were too many', more: 'The server was at its limit, and this one had not been used for longest.' },
  ],
  ['shutdown', { brief: 'the server was stopped', more: 'When the server stops it ends all sessions in order.' }],
  [
    'failed',
    {
      brief: 'it could not be set up',
      more: 'Something that it needs could not be made. The next request tries again.',
    },
  ],
]);

export function briefly(reason) {
  const known = REASONS.get(reason);
  return known === undefined
    ? 'What this page showed has gone, probably with its session.'
    : `The session has ended: ${known.brief}.`;
}

/** One sentence about an ending that the API has told of. */
export function sentenceOf({ name, generation, reason, endedAt }) {
  const time = new Date(endedAt).toLocaleTimeString();
  return `Session ${name}, generation ${generation}, ended at ${time}: ${REASONS.get(reason).brief}.`;
}

export function explanationOf({ reason }) {
  return REASONS.get(reason).more;
}

/** What was stopped. */
export function stoppedBy({ runnersStopped, disposed, failed, timedOut, leftBehind, durationMs }) {
  const runners = counted(runnersStopped, 'runner at work', 'runners at work');
  const objects = counted(disposed, 'object of the session', 'objects of the session');
  const faults = failed + timedOut + leftBehind;
  const result =
    faults === 0 ? 'Nothing failed and nothing was left behind.' : `${faults} of them failed, or did not end in time.`;
  return `${runners}, ${objects}, in ${durationMs} ms. ${result}`;
}

/** What was kept. */
export function keptBy({ reason, isGroupKept }) {
  if (isGroupKept)
    return 'Your preferences and your other session, if there is one: they do not belong to one session alone.';
  if (reason === 'user-session-ended') return 'Nothing: what was yours is not for whoever uses this browser next.';
  return 'Your login, if you had logged in. The preferences have gone: they end with the last of your sessions.';
}

function counted(count, one, many) {
  return `${count} ${count === 1 ? one : many}`;
}
