import { Injectable, type PipeTransform } from '@nestjs/common';
import { RunnerKey } from '../runners/runner-key.js';

/** Makes a RunnerKey of a text. @throws BadRunnerKeyError (400) */
@Injectable()
export class ParseRunnerKeyPipe implements PipeTransform<unknown, RunnerKey> {
  transform(value: unknown): RunnerKey {
    return RunnerKey.parse(typeof value === 'string' ? value : '');
  }
}
