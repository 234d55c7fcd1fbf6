/** What the module loader announces, and the lines it logs. Source: kernel/module.c. */
import { type Line, LOG_LEVEL } from '../printk.ts';

export type ModuleEvent =
  | { readonly type: 'module-tainting-out-of-tree'; readonly module: string }
  | { readonly type: 'module-tainting-livepatch'; readonly module: string }
  | { readonly type: 'module-tainting-unsigned'; readonly module: string }
  | {
      readonly type: 'module-unknown-parameter';
      readonly module: string;
      readonly parameter: string;
    }
  | {
      readonly type: 'module-invalid-parameter';
      readonly module: string;
      readonly parameter: string;
      readonly value: string;
    }
  | {
      readonly type: 'module-init-suspicious';
      readonly module: string;
      readonly returned: number;
    }
  | { readonly type: 'module-unknown-symbol'; readonly module: string; readonly symbol: string }
  | { readonly type: 'module-loaded'; readonly module: string }
  | { readonly type: 'module-removed'; readonly module: string };

export function describeModuleEvent(event: ModuleEvent): readonly Line[] {
  const { module } = event;
  switch (event.type) {
    case 'module-tainting-out-of-tree':
      return [line('warning', `${module}: loading out-of-tree module taints kernel.`)];
    case 'module-tainting-livepatch':
      return [line('notice', `${module}: tainting kernel with TAINT_LIVEPATCH`)];
    case 'module-tainting-unsigned':
      return [
        line(
          'notice',
          `${module}: module verification failed: signature and/or required key missing - tainting kernel`,
        ),
      ];
    case 'module-unknown-parameter':
      return [line('warning', `${module}: unknown parameter '${event.parameter}' ignored`)];
    case 'module-invalid-parameter':
      return [
        line('error', `${module}: \`${event.value}' invalid for parameter \`${event.parameter}'`),
      ];
    case 'module-init-suspicious':
      return [
        line(
          'warning',
          `do_init_module: '${module}'->init suspiciously returned ${event.returned}, it should follow 0/-E convention\ndo_init_module: loading module anyway...`,
        ),
      ];
    case 'module-unknown-symbol':
      return [line('warning', `${module}: Unknown symbol ${event.symbol} (err -2)`)];
    case 'module-loaded':
    case 'module-removed':
      return [];
  }
}

function line(level: keyof typeof LOG_LEVEL, text: string): Line {
  return { level: LOG_LEVEL[level], text };
}
