/** Why a mount or unmount failed, in one sentence for people and one word for programs. */

/** Exit codes of mount(8) and umount(8): 1 usage or permission, 2 system, 32 mount failure. */
const EXIT_CODES = {
  'missing-directory': 32,
  'not-a-directory': 32,
  'not-empty': 32,
  'already-mounted': 32,
  'not-mounted': 32,
  busy: 32,
  refused: 32,
  'no-permission': 1,
  'no-device': 2,
  'no-fusermount': 2,
  'no-libfuse': 2,
  'no-transport': 2,
  'bad-descriptor': 1,
} as const;

export type MountProblem = keyof typeof EXIT_CODES;

/** A mount or unmount that did not happen. */
export class MountError extends Error {
  readonly problem: MountProblem;

  constructor(problem: MountProblem, message: string, options?: { readonly cause: unknown }) {
    super(message, options);
    this.name = 'MountError';
    this.problem = problem;
  }

  /** What mount(8) or umount(8) would exit with. */
  get exitCode(): 1 | 2 | 32 {
    return EXIT_CODES[this.problem];
  }
}
