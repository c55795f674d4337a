/** What calls back, as a promise: `done((callback) => req.session.destroy(callback))`. */
export function done(act: (callback: (error?: unknown) => void) => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    act((error) => {
      if (error === undefined || error === null) resolve();
      else reject(error instanceof Error ? error : new Error('It failed', { cause: error }));
    });
  });
}
