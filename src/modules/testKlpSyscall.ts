/**
 * test_klp_syscall: a system call is patched, and the module counts which of some processes have
 * come by its new version.
 *
 * Source: tools/testing/selftests/livepatch/test_modules/test_klp_syscall.c.
 */
import {
  addKernelDirectory,
  currentPid,
  currentTgid,
  defineLivepatch,
  type KobjectDirectory,
  ownModule,
  parameterOf,
  removeKernelDirectory,
  since,
  staticsOf,
} from './api.ts';

interface Statics {
  readonly remaining: Set<number>;
  directory: KobjectDirectory | undefined;
}

const statics = (): Statics => ({ remaining: new Set(), directory: undefined });

/** As many processes as there may be cpus. */
const NR_CPUS = 8192;

export const testKlpSyscall = defineLivepatch({
  name: 'test_klp_syscall',
  description: 'Livepatch test: syscall transition',
  releases: since('5.1'),
  parameters: { klp_pids: { type: 'int', most: NR_CPUS, default: [], mode: 0 } },
  statics,
  init(kernel, module) {
    const { remaining } = staticsOf(module, statics);
    for (const pid of [parameterOf(module, 'klp_pids')].flat()) remaining.add(Number(pid));
    staticsOf(module, statics).directory = addKernelDirectory(kernel, module.name, {
      npids: () => `${remaining.size}\n`,
    });
  },
  *exit(kernel, module) {
    const { directory } = staticsOf(module, statics);
    if (directory) yield* removeKernelDirectory(kernel, directory);
  },
  objects: [
    {
      funcs: [
        {
          oldName: '__x64_sys_getpid',
          newName: 'lp_sys_getpid',
          body(call) {
            staticsOf(ownModule(call), statics).remaining.delete(currentPid(call.kernel));
            return currentTgid(call.kernel);
          },
        },
      ],
    },
  ],
});
