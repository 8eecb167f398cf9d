/** What a program says to have a chart of lines or rows of pictures drawn. Apart, so that these types need no package. */

export interface ChartPoint {
  readonly x: number;
  readonly y: number;
}

export interface ChartLine {
  readonly name: string;
  /** From left to right; those that are not finite are left out. */
  readonly points: readonly ChartPoint[];
  /** As SVG says it; one line after another has its own unless said. */
  readonly colour?: string;
  /** As SVG says it; "" for none. */
  readonly dash?: string;
}

export interface ChartAxis {
  readonly label: string;
  /** Linear unless said. */
  readonly scale?: "linear" | "log";
  readonly domain?: readonly [number, number];
  readonly ticks?: readonly number[];
}

export interface LineChart {
  /** For readers who cannot see it. */
  readonly label: string;
  /** Words above the plot, at its right. */
  readonly heading?: string;
  readonly x: ChartAxis;
  readonly y: ChartAxis;
  readonly lines: readonly ChartLine[];
  /** Of the plot without axes and names, in pixels; 492 unless said. */
  readonly width?: number;
}

export interface Tile {
  /** A picture as a data URI. */
  readonly picture: string;
  readonly lines: readonly string[];
  readonly title: string;
}

export interface TileOptions {
  readonly label: string;
  readonly columns: number;
  /** Of a picture, in pixels. */
  readonly width: number;
  readonly height: number;
  /** Between columns and between rows. */
  readonly gaps: readonly [x: number, y: number];
  /** Characters that a line has room for. */
  readonly characters: number;
  /** A strip of colours with its ends' numbers, above the tiles. */
  readonly scale?: { readonly colours: readonly string[]; readonly ends: readonly [string, string, string] };
}
