import { ValidationPipe, type ValidationError } from '@nestjs/common';
import { BadInputError } from './bad-input.error.js';

/** Checks bodies and queries by the decorators of their class; a misspelt field is an error, not a default. */
export function createValidationPipe(): ValidationPipe {
  return new ValidationPipe({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    stopAtFirstError: true,
    exceptionFactory: (errors) => new BadInputError(sentenceOf(errors)),
  });
}

function sentenceOf(errors: ValidationError[]): string {
  const [problem = 'the input is not as expected'] = errors.flatMap(problemsOf);
  return `${problem}.`;
}

function problemsOf({ constraints = {}, children = [] }: ValidationError): string[] {
  return [...Object.values(constraints), ...children.flatMap(problemsOf)];
}
