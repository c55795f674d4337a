import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { registerDecorator, ValidateIf } from 'class-validator';

const NUMBER = /^\d{1,16}(\.\d{1,6})?$/;

interface NumberField {
  min: number;
  max: number;
  description: string;
}

/** A field that can be left out; `null` is not the same. */
export function Optional(): PropertyDecorator {
  return ValidateIf((_object, value) => value !== undefined);
}

/** A whole number in a query that must be there. */
export function WholeNumberParameter({ min, max, description }: NumberField): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ type: 'integer', minimum: min, maximum: max, description }),
    Transform(({ value }) => numberIn(value)),
    IsNumberFrom(min, max, true),
  );
}

/** A number in a query that can be left out. */
export function OptionalNumberParameter({
  min,
  max,
  description,
  isWhole = false,
}: NumberField & { isWhole?: boolean }): PropertyDecorator {
  return applyDecorators(
    ApiPropertyOptional({ type: isWhole ? 'integer' : 'number', minimum: min, maximum: max, description }),
    Optional(),
    Transform(({ value }) => numberIn(value)),
    IsNumberFrom(min, max, isWhole),
  );
}

/** A number of a body that must be there. */
export function IsNumberFrom(min: number, max: number, isWhole: boolean): PropertyDecorator {
  const kind = isWhole ? 'a whole number' : 'a number';
  const range = max === Number.MAX_SAFE_INTEGER ? `, ${min} or greater` : ` from ${min} to ${max}`;
  return (target, propertyName) =>
    registerDecorator({
      name: 'isNumberFrom',
      target: target.constructor,
      propertyName: String(propertyName),
      validator: {
        validate: (value: unknown) =>
          typeof value === 'number' && value >= min && value <= max && (!isWhole || Number.isSafeInteger(value)),
        defaultMessage: () => `"${String(propertyName)}" must be ${kind}${range}`,
      },
    });
}

/** What a query has is text: no signs, exponents or blanks, and nothing is no zero. */
function numberIn(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  return typeof value === 'string' && NUMBER.test(value) ? Number(value) : Number.NaN;
}
