/**
 * What is shipped: the sources, and most packages, in few files.
 *
 * Node takes a third of a millisecond for every file that it loads, and klpfs has hundreds; most of a
 * short command is that. Names and lines stay as they were written, for stack traces.
 */
import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineConfig, type Plugin, type UserConfig } from 'vite';

const ROOT = import.meta.dirname;
const MAIN = resolve(ROOT, 'src/cli/main.ts');
/** The others stay in node_modules: an addon, and what starts threads from files of its own. */
const BUNDLED_PACKAGES = ['commander', 'diff', 'yaml', 'zod'];
/** One file for most of a machine, and for the packages that read its description. */
const MACHINE = /\/src\/(engine|sysfs|machine|modules)\/|\/node_modules\/(yaml|zod)\//;

interface Graph {
  getModuleInfo(id: string): { readonly importers: readonly string[] } | null;
}

/** Whether a module is there before a command has begun. What begins it waits for it, and is none. */
function isLoadedAtStart(id: string, graph: Graph, seen = new Set<string>()): boolean {
  if (seen.has(id)) return false;
  seen.add(id);
  const importers = graph.getModuleInfo(id)?.importers ?? [];
  return importers.some((importer) => importer === MAIN || isLoadedAtStart(importer, graph, seen));
}

/**
 * For an import of `node:process`, Node reads all its properties, and opens stdin, stdout and stderr
 * as streams for that: three milliseconds. The global is the same object.
 */
const globalProcess: Plugin = {
  name: 'global-process',
  enforce: 'pre',
  resolveId: (id, _, { kind }) =>
    id === 'node:process' && kind !== 'require-call' ? '\0process' : undefined,
  load: (id) => (id === '\0process' ? 'export default globalThis.process;' : undefined),
};

const product: UserConfig = {
  plugins: [globalProcess],
  build: {
    outDir: 'dist',
    license: { fileName: 'LICENSES.md' },
    rolldownOptions: {
      input: { 'cli/main': MAIN, 'modules/api': resolve(ROOT, 'src/modules/api.ts') },
      output: {
        entryFileNames: 'src/[name].js',
        // As deep as the entries: from all of them, the package is three directories up.
        chunkFileNames: 'src/chunks/[name].js',
        codeSplitting: {
          groups: [
            {
              debugName: 'start',
              name: (id, graph) => (isLoadedAtStart(id, graph) ? 'start' : undefined),
              priority: 1,
            },
            { name: 'machine', test: MACHINE },
          ],
        },
      },
    },
  },
};

/** All of them, without the ending: each finds the others beside it. */
const SCRIPTS = readdirSync(resolve(ROOT, 'scripts'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.slice(0, -'.ts'.length));

const scripts: UserConfig = {
  build: {
    outDir: 'dist/scripts',
    rolldownOptions: {
      input: Object.fromEntries(
        SCRIPTS.map((name) => [name, resolve(ROOT, 'scripts', `${name}.ts`)]),
      ),
      output: {
        preserveModules: true,
        preserveModulesRoot: resolve(ROOT, 'scripts'),
        entryFileNames: '[name].js',
      },
    },
  },
};

export default defineConfig(({ mode }) => {
  const { build, ...rest } = mode === 'scripts' ? scripts : product;
  return {
    ...rest,
    logLevel: 'warn',
    ssr: { noExternal: BUNDLED_PACKAGES },
    build: { ...build, ssr: true, target: 'node20' },
  };
});
