/**
 * How tasks come from one version to the other, step by step: who is in which state, and why.
 *
 * Source: the commit message of d83a7cb375, and kernel/livepatch/transition.c of 4.15.
 */
import { test } from 'vitest';
import { aFunc, aModule, anObject, aPatch } from '../support/modules.ts';
import {
  COMPUTE,
  kthread,
  onCpu,
  playScenario,
  process,
  type Scenario,
  sleepIn,
} from '../support/scenario.ts';
import { aThread } from '../support/tasks.ts';

const SCENARIOS: readonly Scenario[] = [
  {
    title: 'a sleeping task is switched by the pass that finds nothing wrong on its stack',
    tasks: () => [process('reader', sleepIn('f')), process('other', sleepIn('elsewhere'))],
    transcript: `
      $ states
      swapper/0=-1 reader=-1 other=-1
      $ insmod p
      $ states
      swapper/0=1 reader=0 other=1
      $ why
      reader sleeping-on f
      $ sleep 60
      $ states
      swapper/0=1 reader=0 other=1
      $ wake 501
      # It has switched by itself, but only a pass ends the transition.
      $ states
      swapper/0=1 reader=1 other=1
      $ cat p/transition
      1
      $ sleep 2
      $ states
      swapper/0=-1 reader=-1 other=-1
      $ cat p/transition
      0
    `,
  },
  {
    title: 'second approach, a: a process that sleeps on an affected function, SIGSTOP and SIGCONT',
    tasks: () => [process('reader', sleepIn('f'))],
    transcript: `
      $ insmod p
      $ kill STOP 501
      $ states
      swapper/0=1 reader=0
      $ kill CONT 501
      $ states
      swapper/0=1 reader=1
      $ wchan reader
      p_f
      $ sleep 2
      $ cat p/transition
      0
    `,
  },
  {
    title: 'second approach, b: a process that computes switches at the next interrupt',
    machine: { cpus: 2 },
    tasks: () => [onCpu(1, process('hog', COMPUTE))],
    transcript: `
      $ insmod p
      $ states
      swapper/0=1 swapper/1=1 hog=0
      $ why
      hog running
      $ sleep 0.004
      $ states
      swapper/0=1 swapper/1=1 hog=1
      $ cat p/transition
      1
      $ sleep 2
      $ cat p/transition
      0
    `,
  },
  {
    title: 'second approach, c: without reliable stacks 4.15 takes immediate patches only',
    machine: { reliableStacktrace: false },
    tasks: () => [process('reader', sleepIn('f'))],
    transcript: `
      $ insmod p
      ENOSYS
      $ dmesg
      This architecture doesn't have support for the livepatch consistency model.
      $ ls
      $ states
      swapper/0=-1 reader=-1
    `,
  },
  {
    title: 'second approach, c: later releases try, and signals switch processes, but no kthread',
    machine: { reliableStacktrace: false, release: '6.1' },
    tasks: () => [
      process('reader', sleepIn('f')),
      process('other', sleepIn('elsewhere')),
      kthread('kdriver', sleepIn('elsewhere')),
    ],
    transcript: `
      $ insmod p
      # The idle task passes its loop; nobody else is switched from outside.
      $ states
      swapper/0=1 reader=0 other=0 kdriver=0
      $ kill STOP 501
      $ kill CONT 501
      $ kill STOP 502
      $ kill CONT 502
      $ sleep 20
      $ states
      swapper/0=1 reader=1 other=1 kdriver=0
      $ why
      kdriver unreliable-stack
      $ cat p/transition
      1
    `,
  },
  {
    title: 'a kthread that blocks for ever holds the transition up for ever, and harms nobody',
    tasks: () => [kthread('kdriver', sleepIn('f')), process('other', sleepIn('elsewhere'))],
    transcript: `
      $ insmod p
      $ kill KILL 501
      $ sleep 3600
      $ states
      swapper/0=1 kdriver=0 other=1
      $ insmod q
      EBUSY
      $ call 502 f
      $ cat p/enabled p/transition
      1
      1
      $ echo 0 > p/enabled
      $ sleep 2
      $ cat p/enabled p/transition
      0
      0
      $ rmmod p
    `,
  },
  {
    title: 'a kthread is switched where a pass finds it, and only there',
    tasks: () => [kthread('kdriver', sleepIn('f'), sleepIn('elsewhere'))],
    transcript: `
      $ insmod p
      $ wake 501
      $ states
      swapper/0=1 kdriver=0
      $ sleep 2
      $ states
      swapper/0=-1 kdriver=-1
    `,
  },
  {
    title:
      'who enters after it has switched runs the new function; who entered before, the old one',
    tasks: () => [
      process('early', sleepIn('f')),
      process('late', sleepIn('elsewhere'), sleepIn('f')),
    ],
    transcript: `
      $ insmod p
      $ wake 502
      $ wchan early
      f
      $ wchan late
      p_f
      $ echo 0 > p/enabled
      $ why
      late sleeping-on f
      $ states
      swapper/0=0 early=0 late=1
      $ wake 502
      $ sleep 0.001
      $ wake 502
      $ wchan late
      f
      $ sleep 2
      $ cat p/transition
      0
    `,
  },
  {
    title:
      'a child in the middle of a transition inherits state and flag, and switches on its way out',
    tasks: () => [
      process('parent', sleepIn('f'), {
        kind: 'fork',
        comm: 'child',
        steps: [sleepIn('g')],
      }),
      kthread('kdriver', sleepIn('f')),
    ],
    transcript: `
      $ insmod both
      $ fork 501
      $ states
      swapper/0=1 parent=1 parent=0 kdriver=0
      $ wake 501
      $ states
      swapper/0=1 parent=1 child=1 parent=1 kdriver=0
      $ wchan child
      both_g
    `,
  },
  {
    title: 'two threads of one process are in different states, and run different versions',
    tasks: () => {
      const leader = process('server', sleepIn('f'));
      return [
        {
          ...leader,
          threads: [
            aThread({ comm: 'pool', pid: 600, program: [sleepIn('elsewhere'), sleepIn('f')] }),
          ],
        },
      ];
    },
    transcript: `
      $ insmod p
      $ states
      swapper/0=1 server=0 pool/600=1
      $ wake 600
      $ wchan server
      f
      $ wchan pool
      p_f
      $ kill STOP 501
      $ kill CONT 600
      $ states
      swapper/0=1 server=1 pool/600=1
    `,
  },
  {
    title:
      'reversal while half of the tasks have moved: they move back, the others are there already',
    tasks: () => [
      process('reader', sleepIn('f')),
      process('moved', sleepIn('elsewhere'), sleepIn('f')),
    ],
    transcript: `
      $ insmod p
      $ wake 502
      $ states
      swapper/0=1 reader=0 moved=1
      $ dmesg
      enabling patch 'p'
      'p': starting patching transition
      $ echo 0 > p/enabled
      # The idle task has passed its loop when the writer was through.
      $ states
      swapper/0=0 reader=0 moved=1
      $ why
      moved sleeping-on f
      $ sleep 2
      $ states
      swapper/0=0 reader=0 moved=1
      $ echo 1 > p/enabled
      $ sleep 2
      $ states
      swapper/0=1 reader=0 moved=1
      $ wake 501
      $ sleep 2
      $ states
      swapper/0=-1 reader=-1 moved=-1
      $ cat p/enabled
      1
      $ dmesg
      'p': starting unpatching transition
      'p': starting patching transition
      'p': patching complete
    `,
  },
  {
    title: 'a lower version of a function, and the original one below it',
    tasks: () => [
      process('ancient', sleepIn('f')),
      process('second', sleepIn('elsewhere'), sleepIn('f')),
    ],
    machine: { release: '6.1' },
    transcript: `
      # ancient stays in the original by force, second enters p's version.
      $ insmod p
      $ echo 1 > p/force
      $ sleep 2
      $ wake 502
      $ wchan second
      p_f
      $ insmod q
      $ why
      second sleeping-on f
      $ wake 502
      $ sleep 2
      $ cat q/transition
      0
    `,
  },
  {
    title: 'immediate: a task that sleeps in the old function goes on in it, the next call is new',
    machine: {
      modules: [
        aModule({
          name: 'p',
          patch: aPatch([anObject({ funcs: [aFunc('f', '')] })], { immediate: true }),
        }),
      ],
    },
    tasks: () => [process('reader', sleepIn('f'))],
    transcript: `
      $ insmod p
      $ states
      swapper/0=-1 reader=-1
      $ wchan reader
      f
      $ cat p/transition sys/module/p/refcnt
      0
      1
      $ wake 501
      $ sleep 0.001
      $ wchan reader
      livepatch_f
      $ echo 0 > p/enabled
      $ echo 1 > p/enabled
      # A reference for each time that it was enabled, and none comes back.
      $ cat sys/module/p/refcnt
      2
    `,
  },
  {
    title: 'an immediate function holds nobody up, and its module can never be removed',
    machine: {
      modules: [
        aModule({
          name: 'p',
          patch: aPatch([
            anObject({ funcs: [aFunc('f', '', { immediate: true }), aFunc('g', '')] }),
          ]),
        }),
      ],
    },
    tasks: () => [process('reader', sleepIn('f')), process('other', sleepIn('g'))],
    transcript: `
      $ insmod p
      $ states
      swapper/0=1 reader=1 other=0
      $ wake 502
      $ sleep 2
      $ cat p/transition
      0
      $ echo 0 > p/enabled
      $ why
      other sleeping-on g
      $ wake 502
      $ sleep 2
      $ cat p/enabled p/transition sys/module/p/refcnt
      0
      0
      1
      $ rmmod p
      EAGAIN
    `,
  },
  {
    title: 'a function whose frames the unwinder does not know makes a stack unreliable',
    machine: { functions: [{ name: 'f' }, { name: 'asm_entry', unwind: false }] },
    tasks: () => [process('odd', sleepIn('asm_entry'))],
    transcript: `
      $ insmod p
      $ why
      odd unreliable-stack
      $ wake 501
      $ sleep 2
      $ cat p/transition
      0
    `,
  },
];

test.each(SCENARIOS)('$title', (scenario) => playScenario(scenario));
