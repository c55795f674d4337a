import { ApiProperty } from '@nestjs/swagger';
import type { SessionEndReason } from 'nestjs-active-session';
import type { SessionName } from '../session/session-name.js';

const REASONS: SessionEndReason[] = [
  'terminated',
  'idle',
  'max-lifetime',
  'user-session-ended',
  'evicted',
  'shutdown',
  'failed',
];

/** One session that has ended. */
export class EndingJson {
  @ApiProperty({ enum: ['a', 'b'] })
  name!: SessionName;

  @ApiProperty()
  id!: string;

  @ApiProperty({ type: 'integer', minimum: 1 })
  generation!: number;

  @ApiProperty({ enum: REASONS })
  reason!: SessionEndReason;

  @ApiProperty({ format: 'date-time' })
  endedAt!: string;

  @ApiProperty({ type: 'integer', description: 'Runners whose work was not over.' })
  runnersStopped!: number;

  @ApiProperty({ type: 'integer', description: 'Objects of the session that were ended with it.' })
  disposed!: number;

  @ApiProperty({ type: 'integer', description: 'Objects that failed when they were ended.' })
  failed!: number;

  @ApiProperty({ type: 'integer', description: 'Objects that did not end in time.' })
  timedOut!: number;

  @ApiProperty({ type: 'integer', description: 'Runners that did not stop in time.' })
  leftBehind!: number;

  @ApiProperty({ type: 'integer', description: 'How long the clean-up took, in ms.' })
  durationMs!: number;

  @ApiProperty({ description: 'Whether what the sessions of the user share was kept.' })
  isGroupKept!: boolean;
}

export class EndingsJson {
  @ApiProperty({ type: [EndingJson], description: 'Newest first.' })
  endings!: readonly EndingJson[];
}
