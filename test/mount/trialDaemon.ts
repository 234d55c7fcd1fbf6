/** A daemon to kill, to run as somebody else, to see end: mounts a tree on its argument. */
import process from 'node:process';
import { chooseTransport } from '../../mount/choose.ts';
import { FileSystem } from '../../mount/fileSystem.ts';
import { MountError } from '../../mount/mountError.ts';
import { mount } from '../../mount/session.ts';
import type { TransportChoice } from '../../mount/transport.ts';
import { memoryRun } from '../support/memoryTree.ts';
import { trialTree } from './trialTree.ts';

const say = (line: string) => process.stdout.write(`${line}\n`);
const fileSystem = new FileSystem(trialTree(), memoryRun().run, (error) => say(String(error)));
try {
  const [, , path = '', choice = ''] = process.argv;
  const transport = chooseTransport(choice as TransportChoice);
  const session = await mount(path, fileSystem, { transport, allowOther: false });
  process.on('SIGTERM', () => session.unmount('plain').catch(({ message }) => say(message)));
  process.on('SIGUSR1', () => session.unmount('lazy'));
  say('mounted');
  say(await session.closed);
} catch (error) {
  if (!(error instanceof MountError)) throw error;
  say(error.message);
  process.exitCode = error.exitCode;
}
