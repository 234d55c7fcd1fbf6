/** Differences that no recording shows are still there. */
import { expect, test } from 'vitest';
import { mounted } from '../mount/mounted.ts';
import { directory, file } from '../support/memoryTree.ts';
import { TRANSPORT } from '../support/transport.ts';
import { TRIED } from './tried.ts';

const HERE = TRIED.filter(({ transport = TRANSPORT.name }) => transport === TRANSPORT.name);

test.each(HERE)('$key', async ({ expression, linux, klpfs }) => {
  const { answers } = await mounted(directory({ file: file('1\n') }));
  const [, answer] = await answers(["open_as('f', '/file', os.O_RDWR)", expression]);
  expect(answer).toBe(klpfs);
  expect(answer).not.toBe(linux);
});
