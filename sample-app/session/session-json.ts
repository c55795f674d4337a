import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { type RunnerProgress, RunnerStatus } from 'nestjs-active-session';
import type { SearchEntry } from '../search/search-history.js';
import type { SessionName } from './session-name.js';

export class RunnerJson {
  @ApiProperty()
  key!: string;

  @ApiProperty({ type: 'integer' })
  number!: number;

  @ApiPropertyOptional({ type: String })
  name: string | undefined;

  @ApiProperty()
  kind!: string;

  @ApiProperty({ enum: RunnerStatus })
  status!: RunnerStatus;

  @ApiProperty({ type: 'integer', description: 'How far it was read.' })
  position!: number;

  @ApiProperty({ type: 'object', additionalProperties: true, description: 'How far the work is, read or not.' })
  progress!: RunnerProgress;
}

export class ServiceJson {
  @ApiProperty()
  name!: string;

  @ApiProperty({ enum: ['session', 'group'], description: 'Who has one: each session, or all of the user together.' })
  scope!: 'session' | 'group';

  @ApiProperty({ type: 'integer', description: 'Another number is another object.' })
  instance!: number;

  @ApiProperty({ description: 'What is in it.' })
  holds!: string;
}

export class SessionJson {
  @ApiProperty({ enum: ['a', 'b'] })
  name!: SessionName;

  @ApiProperty()
  id!: string;

  @ApiProperty({ type: 'integer', minimum: 1 })
  generation!: number;

  @ApiProperty({ description: 'What all sessions of a user have in common.' })
  groupId!: string;

  @ApiProperty({ type: 'integer' })
  ageMs!: number;

  @ApiProperty({ type: 'integer', description: 'Without a request of its own it ends after so long.' })
  idleTimeoutMs!: number;

  @ApiProperty({ type: 'integer', description: 'It ends at this age, used or not.' })
  maxLifetimeMs!: number;

  @ApiProperty({ type: [RunnerJson] })
  runners!: RunnerJson[];

  @ApiProperty({ type: [ServiceJson] })
  services!: ServiceJson[];

  @ApiProperty({ type: 'array', items: { type: 'object' }, description: 'The searches of the session, newest first.' })
  history!: readonly SearchEntry[];
}

export class SessionsJson {
  @ApiProperty({ type: [SessionJson], description: 'Those that are there; looking at them makes none.' })
  sessions!: SessionJson[];
}
