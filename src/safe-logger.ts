import { Logger } from '@nestjs/common';

/** Logs what this library has to say. A logger of the application that throws stops nothing: the console has it then. */
export class SafeLogger extends Logger {
  constructor() {
    super('ActiveSession');
  }

  override error(message: string, stack?: string): void {
    logSafely(() => super.error(message, stack), message);
  }

  override warn(message: string): void {
    logSafely(() => super.warn(message), message);
  }

  override log(message: string): void {
    logSafely(() => super.log(message), message);
  }
}

function logSafely(log: () => void, message: string): void {
  try {
    log();
  } catch {
    // eslint-disable-next-line no-console -- nothing else is left to tell
    console.error(`The logger has thrown at: ${message}`);
  }
}
