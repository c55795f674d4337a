import { channel } from 'node:diagnostics_channel';

/**
 * The names of the channels of `node:diagnostics_channel` on which sessions and groups are told of, with the same
 * messages as `events$`.
 */
export const SESSION_CHANNEL = 'nestjs-active-session:session';
export const GROUP_CHANNEL = 'nestjs-active-session:group';

export const sessionChannel = channel(SESSION_CHANNEL);
export const groupChannel = channel(GROUP_CHANNEL);
