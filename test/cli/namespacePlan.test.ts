/** Which mounts a plan comes to, and the script that makes them. */
import { expect, test } from 'vitest';
import {
  type Child,
  type Kind,
  type NamespacePlan,
  planNamespace,
  type RealTree,
} from '../../src/cli/namespacePlan.ts';
import { writeScript } from '../../src/cli/namespaceScript.ts';

/** A kernel that has nothing but these files; a name that ends in / is a directory. */
function kernelWith(...paths: string[]): RealTree {
  const kinds = new Map<string, Kind>();
  for (const path of paths) {
    const names = path.replace(/\/$/, '').split('/').slice(1);
    names.forEach((_, index) => {
      const isLast = index === names.length - 1;
      const kind = isLast && !path.endsWith('/') ? 'file' : 'directory';
      kinds.set(`/${names.slice(0, index + 1).join('/')}`, kind);
    });
  }
  return {
    kind: (path) => kinds.get(path),
    children: (directory) =>
      [...kinds].flatMap(([path, kind]): Child[] => {
        const name = path.slice(directory.length + 1);
        return path.startsWith(`${directory}/`) && !name.includes('/') ? [{ name, kind }] : [];
      }),
  };
}

function plan(real: RealTree, targets: Record<string, Kind>, later: string[] = []): NamespacePlan {
  return planNamespace(
    { proc: 'host', targets: new Map(Object.entries(targets)), later, machine: '/m' },
    real,
  );
}

// biome-ignore format: the columns are the point
test.each<[what: string, real: string[], path: string, kind: Kind, verdict: object]>([
  ['a directory that is there',       ['/sys/module/'],        '/sys/module',            'directory', { kind: 'bound' }],
  ['a file that is there',            ['/proc/cmdline'],       '/proc/cmdline',          'file',      { kind: 'bound' }],
  ['what is missing in /sys/kernel',  ['/sys/kernel/mm/'],     '/sys/kernel/livepatch',  'directory', { kind: 'added', to: '/sys/kernel' }],
  ['what is missing deep down',       ['/proc/sys/kernel/a'],  '/proc/sys/kernel/b/c',   'file',      { kind: 'added', to: '/proc/sys/kernel' }],
  ['what is missing in a container',  ['/dev/null'],           '/dev/kmsg',              'file',      { kind: 'added', to: '/dev' }],
  ['what is missing in /proc',        ['/proc/cmdline'],       '/proc/modules',          'file',      { kind: 'impossible' }],
])('%s', (_, real, path, kind, verdict) => {
  const { verdicts, bound } = plan(kernelWith(...real), { [path]: kind });
  expect(verdicts.get(path)).toEqual(verdict);
  expect(bound).toEqual('kind' in verdict && verdict.kind === 'impossible' ? [] : [path]);
});

test('a directory that lacks several paths is copied once, with all that it has', () => {
  const real = kernelWith('/sys/kernel/mm/', '/sys/kernel/notes');
  const { copies } = plan(
    real,
    { '/sys/kernel/livepatch': 'directory', '/sys/kernel/debug': 'directory' },
    ['/sys/kernel/later'],
  );
  expect(copies).toEqual([
    {
      directory: '/sys/kernel',
      children: [
        { name: 'mm', kind: 'directory' },
        { name: 'notes', kind: 'file' },
      ],
      added: [
        { name: 'livepatch', kind: 'directory' },
        { name: 'debug', kind: 'directory' },
        { name: 'later', kind: { link: '/m/sys/kernel/later' } },
      ],
    },
  ]);
});

test('an outer copy is shown before an inner one', () => {
  const { copies } = plan(kernelWith('/sys/kernel/mm/'), {
    '/sys/kernel/livepatch': 'directory',
    '/sys/module': 'directory',
  });
  expect(copies.map(({ directory }) => directory)).toEqual(['/sys', '/sys/kernel']);
});

test('what may come later is left alone where the real kernel has it', () => {
  const { copies, verdicts } = plan(kernelWith('/sys/kernel/later/'), {}, ['/sys/kernel/later']);
  expect([copies, verdicts.size]).toEqual([[], 0]);
});

test('the script quotes what a shell or a table of mounts would take apart', () => {
  const real = kernelWith("/sys/kernel/it's a #1/");
  const script = writeScript({
    plan: plan(real, { '/sys/kernel/livepatch': 'directory' }),
    membership: 'attached',
    stage: '/tmp/a b',
    runner: [],
  });
  expect(script).toContain("'/tmp/a b/0/it'\\''s a #1'");
  expect(script).toContain(
    "/sys/kernel/it's\\040a\\040\\0431 /tmp/a\\040b/0/it's\\040a\\040\\0431 none rbind 0 0",
  );
  expect(script).toContain("mount --rbind '/m/sys/kernel/livepatch' '/sys/kernel/livepatch'");
});
