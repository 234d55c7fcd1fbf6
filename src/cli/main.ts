#!/usr/bin/env node
/** The klpfs command. */
import process from 'node:process';
import { endWithReader } from './output.ts';
import { runProgram } from './program.ts';

endWithReader();
process.exitCode = await runProgram(process.argv);
