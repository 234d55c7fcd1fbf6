/** `klpfs irq`: interrupts a cpu. */
import type { Command } from 'commander';
import { parseCpuNumber } from '../cpus.ts';
import { addMachineOption, type MachineOptions, openMachine } from '../machineFiles.ts';
import { requestWithReason } from '../refusal.ts';

export function addIrqCommand(program: Command): void {
  addMachineOption(program.command('irq'))
    .description('interrupt a cpu: a handler calls functions on top of what runs there')
    .argument('<cpu>', 'the cpu', parseCpuNumber)
    .argument('<function...>', 'what the handler calls, one function inside the other')
    .addHelpText(
      'after',
      `
A handler is no task: in a transition it runs the version that the task has which
it interrupts. A process that is interrupted in user space goes back there by
way of what every return has to notice: signals, and its patch state.

Example:
  $ klpfs irq 1 vfs_read

The same as a file: echo 1 vfs_read > control/irq`,
    )
    .action(async (cpu: number, functions: string[], options: MachineOptions) => {
      const words = [cpu, ...functions].join(' ');
      requestWithReason(await openMachine(options), 'irq', words, `cpu ${cpu}`);
    });
}
