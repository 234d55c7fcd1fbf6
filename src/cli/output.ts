/** What commands print: data on stdout, all else on stderr. */
import process from 'node:process';

export function print(text: string): void {
  process.stdout.write(text);
}

export function printError(text: string): void {
  process.stderr.write(text);
}

/** For people and programs alike: indented, a newline at the end. */
export function printJson(value: unknown): void {
  print(`${JSON.stringify(value, null, 2)}\n`);
}

/** Ends the process in silence when nobody reads its output any more, as in `klpfs ps | head -1`. */
export function endWithReader(): void {
  process.stdout.on('error', (error) => {
    if ('code' in error && error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

/** Columns as wide as their widest cell, two blanks apart; the last one is not filled up. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  return rows.map((row) => formatRow(row, widths)).join('');
}

function formatRow(row: readonly string[], widths: readonly number[]): string {
  let line = '';
  for (const [column, cell] of row.entries()) {
    line += column === row.length - 1 ? cell : `${cell.padEnd(widths[column] ?? 0)}  `;
  }
  return `${line.trimEnd()}\n`;
}
