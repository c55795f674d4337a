// Lets a test start a program in TypeScript as a process of its own: `node --import THIS program.ts`.
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
