/**
 * A chart of horizontal bars, as SVG.
 *
 * By hand: bars with a number each are thirty lines, and a charting library brings a hundred times
 * that and a picture that changes with its version.
 */

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** What is written behind it. */
  readonly text: string;
  readonly emphasis: 'ours' | 'others';
}

export interface Panel {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const WIDTH = 760;
const LABEL_WIDTH = 190;
const TEXT_WIDTH = 70;
const BAR_WIDTH = WIDTH - LABEL_WIDTH - TEXT_WIDTH;
const LINE = 22;
const BAR_HEIGHT = 14;
const TITLE_HEIGHT = 34;

/** Readable on white paper and in a browser that is dark. */
const STYLE = [
  'text { font: 13px sans-serif; fill: #24292f }',
  '.title { font-weight: bold }',
  '.ours { fill: #b3541e }',
  '.others { fill: #8c959f }',
  '@media (prefers-color-scheme: dark) { text { fill: #d0d7de } .ours { fill: #e07b3c } }',
].join('\n');

/** Panels one below the other, each with a scale of its own that begins at 0. */
export function drawChart(panels: readonly Panel[]): string {
  let top = 0;
  const drawn = panels.map((panel) => {
    const at = top;
    top += TITLE_HEIGHT + panel.bars.length * LINE;
    return drawPanel(panel, at);
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" width="${WIDTH}" height="${top}">`,
    '<title>klpfs beside other FUSE file systems</title>',
    `<style>${STYLE}</style>`,
    ...drawn.flat(),
    '</svg>\n',
  ].join('\n');
}

function drawPanel({ title, bars }: Panel, top: number): string[] {
  const largest = Math.max(...bars.map(({ value }) => value));
  return [
    `<text class="title" x="0" y="${top + 22}">${escapeText(title)}</text>`,
    ...bars.flatMap((bar, index) => drawBar(bar, top + TITLE_HEIGHT + index * LINE, largest)),
  ];
}

function drawBar({ label, value, text, emphasis }: Bar, top: number, largest: number): string[] {
  const width = Math.max(1, (value / largest) * BAR_WIDTH).toFixed(1);
  const baseline = top + 12;
  return [
    `<text x="${LABEL_WIDTH - 8}" y="${baseline}" text-anchor="end">${escapeText(label)}</text>`,
    `<rect class="${emphasis}" x="${LABEL_WIDTH}" y="${top}" width="${width}" height="${BAR_HEIGHT}"/>`,
    `<text x="${(LABEL_WIDTH + Number(width) + 6).toFixed(1)}" y="${baseline}">${escapeText(text)}</text>`,
  ];
}

function escapeText(text: string): string {
  return text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
}
