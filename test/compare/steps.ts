/** What a sequence is made of: steps, which are data, and the shell commands that they are. */

/** Names of modules are the kernel's, with underscores. */
export type Step =
  | {
      readonly do: 'load';
      readonly by: 'insmod' | 'modprobe';
      readonly module: string;
      readonly parameters: Parameters;
    }
  | { readonly do: 'unload'; readonly module: string }
  /** `file` below /sys/kernel/livepatch. */
  | { readonly do: 'write'; readonly file: string; readonly text: string }
  | { readonly do: 'read'; readonly path: string }
  | { readonly do: 'chmod'; readonly mode: string; readonly file: string }
  | {
      readonly do: 'set';
      readonly module: string;
      readonly parameter: string;
      readonly value: string;
    }
  | { readonly do: 'ftrace-enabled'; readonly value: 0 | 1 }
  /** A process enters klpx_wait() and blocks there. */
  | { readonly do: 'start-reader' }
  | { readonly do: 'release-readers' }
  | { readonly do: 'signal-readers'; readonly signals: readonly string[] }
  /** The work of test_klp_callbacks_busy goes on, if it was loaded with block_transition=Y. */
  | { readonly do: 'unblock' };

export type Parameters = Readonly<Record<string, string | number>>;
export type Sequence = readonly Step[];

/** As somebody would type it; $K, $M and $X are those of scripts/oracle/guest/lib.sh. */
export function commandOf(step: Step): string {
  switch (step.do) {
    case 'load':
      return loadCommand(step);
    case 'unload':
      return step.module === 'klpx_target' ? 'unload_target' : `rmmod ${step.module}`;
    case 'write':
      return `printf '${escaped(step.text)}' > $K/${step.file}`;
    case 'read':
      return `cat ${step.path}`;
    case 'chmod':
      return `chmod ${step.mode} $K/${step.file}`;
    case 'set':
      return `echo ${step.value} > $M/${step.module}/parameters/${step.parameter}`;
    case 'ftrace-enabled':
      return `echo ${step.value} > /proc/sys/kernel/ftrace_enabled`;
    case 'start-reader':
      return 'start_reader';
    case 'release-readers':
      return 'release_readers';
    case 'signal-readers':
      return ['signal_readers', ...step.signals].join(' ');
    case 'unblock':
      return 'unblock';
  }
}

function loadCommand({ by, module, parameters }: Step & { do: 'load' }): string {
  const words = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  const target = by === 'insmod' ? `$X/${fileName(module)}.ko` : fileName(module);
  const command = [by, target, ...words].join(' ');
  return 'kthr' in parameters ? `load_target ${command}` : command;
}

/** The files of the kernel's samples have dashes. */
function fileName(module: string): string {
  return module.startsWith('livepatch_') ? module.replaceAll('_', '-') : module;
}

/** For printf. */
function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('%', '%%').replaceAll('\n', '\\n');
}
