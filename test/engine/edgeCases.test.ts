/**
 * What is easily got wrong: the order of checks, who stands in whose way, what is left for later.
 *
 * Source: kernel/livepatch/core.c and transition.c of 4.15.
 */
import { test } from 'vitest';
import { aFunc, aModule, anObject, aPatch } from '../support/modules.ts';
import {
  COMPUTE,
  kthread,
  onCpu,
  patch,
  playScenario,
  process,
  type Scenario,
  sleepIn,
} from '../support/scenario.ts';

const EDGE_CASES: readonly Scenario[] = [
  {
    title: 'when all tasks switch at the first attempt nobody sees the transition',
    machine: { cpus: 1 },
    transcript: `
      $ insmod p
      $ cat p/enabled p/transition
      1
      0
    `,
  },
  {
    title: 'an idle cpu beside the writer takes a second pass',
    machine: { cpus: 2 },
    transcript: `
      $ insmod p
      $ cat p/transition
      1
      $ sleep 2
      $ cat p/transition
      0
    `,
  },
  {
    title: 'enabling what is enabled is EINVAL, even while another patch is on its way out',
    tasks: () => [process('reader', sleepIn('elsewhere'), sleepIn('g'))],
    transcript: `
      $ insmod p
      $ insmod r
      $ wake 501
      $ echo 0 > r/enabled
      $ cat r/transition
      1
      $ echo 1 > p/enabled
      EINVAL
      $ echo 0 > p/enabled
      EBUSY
      $ echo 0 > r/enabled
      EINVAL
      $ echo junk > p/enabled
      EINVAL
    `,
  },
  {
    title: 'patches are enabled from the bottom and disabled from the top',
    transcript: `
      $ insmod p
      $ insmod q
      $ echo 0 > p/enabled
      EBUSY
      $ echo 0 > q/enabled
      $ echo 0 > p/enabled
      $ echo 1 > q/enabled
      EBUSY
      $ echo 1 > p/enabled
      $ echo 1 > q/enabled
      $ cat p/enabled q/enabled
      1
      1
    `,
  },
  {
    title: 'only the neighbours in the stack matter',
    transcript: `
      $ insmod p
      $ insmod q
      $ echo 0 > q/enabled
      $ insmod r
      EBUSY
      $ ls
      p q
      $ echo 0 > p/enabled
      $ cat p/enabled
      0
    `,
  },
  {
    title: 'turned around twice: two pairs of lines, one timer, the state it had before',
    tasks: () => [process('reader', sleepIn('f'))],
    transcript: `
      $ insmod p
      $ dmesg
      enabling patch 'p'
      'p': starting patching transition
      $ echo 0 > p/enabled
      $ echo 1 > p/enabled
      $ dmesg
      'p': starting unpatching transition
      'p': starting patching transition
      $ wake 501
      $ sleep 2
      $ dmesg
      'p': patching complete
      $ sleep 10
      $ dmesg
      $ cat p/enabled p/transition
      1
      0
    `,
  },
  {
    title: 'a reversal before anybody has moved completes at the next pass, not in the write',
    machine: { cpus: 2 },
    tasks: () => [
      onCpu(0, process('reader', sleepIn('f'))),
      onCpu(1, process('other', sleepIn('f'))),
    ],
    transcript: `
      $ insmod p
      $ echo 0 > p/enabled
      $ cat p/enabled p/transition
      0
      1
      $ sleep 2
      $ cat p/transition
      0
    `,
  },
  {
    title: 'a function patched twice, the upper patch going: unpatched tasks use the lower version',
    tasks: () => [
      process('inner', sleepIn('elsewhere'), sleepIn('f')),
      process('outer', sleepIn('elsewhere'), sleepIn('elsewhere'), sleepIn('f')),
      kthread('kdriver', sleepIn('elsewhere'), sleepIn('f'), sleepIn('elsewhere'), sleepIn('f')),
    ],
    transcript: `
      $ insmod p
      $ insmod q
      $ wake 501
      $ wake 503
      $ echo 0 > q/enabled
      $ states
      swapper/0=0 inner=1 outer=0 kdriver=1
      # outer has switched: it gets p's version. kdriver has not: it gets q's.
      $ wake 502
      $ wake 502
      $ wchan outer
      p_f
      $ wake 503
      $ wake 503
      $ wchan kdriver
      q_f
    `,
  },
  {
    title: 'a task in the original function does not hold a second patch up, one in the first does',
    machine: {
      modules: [
        aModule({
          name: 'first',
          patch: aPatch([anObject({ funcs: [aFunc('f', '')] })], { immediate: true }),
        }),
        patch('q', { vmlinux: ['f'] }),
      ],
    },
    tasks: () => [
      process('ancient', sleepIn('f')),
      process('second', sleepIn('elsewhere'), sleepIn('f')),
    ],
    transcript: `
      $ insmod first
      $ insmod q
      $ cat q/transition
      0
      $ wchan ancient
      f
      $ echo 0 > q/enabled
      $ wake 502
      $ wchan second
      livepatch_f
      $ echo 1 > q/enabled
      $ why
      second sleeping-on f
    `,
  },
  {
    title: 'a target that is loaded while its patch goes is patched, and unpatched at the end',
    tasks: () => [process('reader', sleepIn('elsewhere'), sleepIn('f'))],
    transcript: `
      $ insmod t
      $ wake 501
      $ echo 0 > t/enabled
      $ dmesg
      enabling patch 't'
      't': starting patching transition
      't': patching complete
      't': starting unpatching transition
      $ insmod target
      $ dmesg
      applying patch 't' to loading module 'target'
      $ enabled_functions
      f (1) R I
      in_target [target] (1) R I
      $ wake 501
      $ sleep 2
      $ dmesg
      't': unpatching complete
      $ enabled_functions
    `,
  },
  {
    title: 'a disabled patch that wants a symbol which its target lacks keeps the target out',
    transcript: `
      $ insmod wrong
      $ echo 0 > wrong/enabled
      $ dmesg
      enabling patch 'wrong'
      'wrong': starting patching transition
      'wrong': patching complete
      'wrong': starting unpatching transition
      'wrong': unpatching complete
      $ insmod target
      EINVAL
      $ dmesg
      symbol 'nosuch' not found in symbol table
      failed to initialize patch 'wrong' for module 'target' (-22)
      patch 'wrong' failed for module 'target', refusing to load module 'target'
      $ cat sys/module/target/refcnt
      ENOENT
    `,
  },
  {
    title: 'a target that is removed before the patch is disabled has no part in it',
    transcript: `
      $ insmod target
      $ insmod t
      $ rmmod target
      $ echo 0 > t/enabled
      $ dmesg
      enabling patch 't'
      't': starting patching transition
      't': patching complete
      reverting patch 't' on unloading module 'target'
      't': starting unpatching transition
      't': unpatching complete
    `,
  },
  {
    title: 'a patch without loaded targets pushes nothing, but takes every task through',
    machine: { cpus: 2 },
    tasks: () => [onCpu(1, process('hog', COMPUTE))],
    transcript: `
      $ insmod absent
      $ states
      swapper/0=1 swapper/1=1 hog=0
      $ enabled_functions
      $ sleep 2
      $ states
      swapper/0=-1 swapper/1=-1 hog=-1
      $ cat absent/enabled absent/transition
      1
      0
    `,
  },
];

test.each(EDGE_CASES)('$title', (scenario) => playScenario(scenario));
