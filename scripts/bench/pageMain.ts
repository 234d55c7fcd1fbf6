/** Writes a run of the bench into docs/performance.md: pageMain FILE */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import process from 'node:process';
import { program } from 'commander';
import { readRun } from './keptRun.ts';
import { drawRun, fillPage } from './page.ts';

const DOCS = resolve(import.meta.dirname, '../../docs');
const PAGE = resolve(DOCS, 'performance.md');

const [file = ''] = program
  .name('scripts/performance-page')
  .description('writes a run into the tables and the chart of docs/performance.md')
  .argument('<file>', 'what `npm run bench -- --json FILE` has kept')
  .parse(process.argv).args;
const run = readRun(file);
writeFileSync(PAGE, fillPage(readFileSync(PAGE, 'utf8'), run));
writeFileSync(resolve(DOCS, 'performance.svg'), drawRun(run));
