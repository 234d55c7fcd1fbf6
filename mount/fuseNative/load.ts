/**
 * Loads the fuse-native addon, also where libfuse 2 is not installed.
 *
 * The addon needs libfuse.so.2, which Debian is about to drop (bug 1084413). The library that
 * fuse-native's own dependency ships is loaded first, for all to see; the loader then finds it by
 * its name.
 */
import { createRequire } from 'node:module';
import os from 'node:os';
import process from 'node:process';
import { MountError } from '../mountError.ts';
import type { FuseNativeClass } from './binding.ts';

/** Keeps the library when dlopen() finds no Node addon in it. Source: glibc's bits/dlfcn.h. */
const RTLD_NODELETE = 0x1000;

const require = createRequire(import.meta.url);

/** The class of fuse-native. Throws `MountError` where neither the system nor npm has libfuse. */
export function loadFuseNative(): FuseNativeClass {
  try {
    return withoutLazyUnmount(requireWithLibfuse());
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new MountError(
      'no-libfuse',
      `libfuse cannot be loaded (${reason}): try "npm install", or apt-get install libfuse2`,
      { cause },
    );
  }
}

function requireWithLibfuse(): FuseNativeClass {
  try {
    return require('fuse-native');
  } catch (error) {
    if (!isNodeError(error) || error.code !== 'ERR_DLOPEN_FAILED') throw error;
    preloadLibfuse();
    return require('fuse-native');
  }
}

function preloadLibfuse(): void {
  const { lib } = createRequire(require.resolve('fuse-native'))('fuse-shared-library');
  const { RTLD_NOW, RTLD_GLOBAL } = os.constants.dlopen;
  try {
    process.dlopen({ exports: {} }, lib, RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE);
  } catch (error) {
    const loadedButNoAddon = error instanceof Error && /self-register/.test(error.message);
    if (!loadedButNoAddon) throw error;
  }
}

/** Its unmount() first runs `fusermount -uz`; ours is done by then, and is not always lazy. */
function withoutLazyUnmount(fuse: FuseNativeClass): FuseNativeClass {
  fuse.unmount = (_directory, unmounted) => unmounted(null);
  return fuse;
}

function isNodeError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error;
}
