/*
 * Requests to the API. They name the session of the page (`?session=b` in its address), and an answer of the server's
 * or the network's own making (429, 5xx, nothing) is no answer: the same is asked again.
 */
const REQUEST_TIMEOUT_MS = 40_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 8_000;
/** A login in another tab answers what this page waits for with 410, and the session goes on: with the new cookie. */
const READS_AFTER_END = 2;
const GONE = ['SESSION_ENDED', 'RUNNER_GONE'];

/** Which of the two sessions this page shows. */
export const sessionName = new URLSearchParams(location.search).get('session') === 'b' ? 'b' : 'a';

export async function request(method, path, { body, signal, timeoutMs = REQUEST_TIMEOUT_MS } = {}) {
  const timeout = AbortSignal.timeout(timeoutMs);
  const response = await fetch(path, {
    method,
    headers: { 'X-Session': sessionName, ...(body && { 'Content-Type': 'application/json' }) },
    body: body && JSON.stringify(body),
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  });
  const text = await response.text();
  return { status: response.status, answer: text === '' ? {} : JSON.parse(text) };
}

/**
 * Asks the same again until there is an answer.
 * @param onRetry called before each wait for an answer that did not come; what it returns, before it is asked for again
 * @param onAnswer called with each answer; if it throws, there was none
 */
export async function persistentRequest(method, path, { onRetry, onAnswer, ...options } = {}) {
  let readsLeft = method === 'GET' ? READS_AFTER_END : 0;
  for (let delayMs = FIRST_RETRY_MS; ; delayMs = Math.min(delayMs * 2, LAST_RETRY_MS)) {
    let mayGoOn = false;
    try {
      const result = await request(method, path, options);
      onAnswer?.(result);
      mayGoOn = GONE.includes(result.answer.code) && readsLeft-- > 0;
      // Too much is at work: that does not pass by itself.
      const isLimit = method === 'POST' && result.answer.code === 'LIMIT_REACHED';
      if (isLimit || (result.status < 500 && result.status !== 429 && !mayGoOn)) return result;
    } catch (error) {
      if (options.signal?.aborted) throw error;
    }
    const undo = mayGoOn ? undefined : onRetry?.();
    await new Promise((resolve) => setTimeout(resolve, mayGoOn ? FIRST_RETRY_MS : delayMs));
    options.signal?.throwIfAborted();
    undo?.();
  }
}

/** Not `randomUUID`: browsers have it only on pages from https or localhost. */
export function randomKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
