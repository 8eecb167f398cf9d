/**
 * What a program says to have a chart of lines or rows of pictures drawn. Apart, so that these types need no package.
 */

/** A point of a line. */
export interface ChartPoint {
  /** Its place along the horizontal axis. */
  readonly x: number;
  /** Its place along the vertical axis. */
  readonly y: number;
}

/** A line of a chart. */
export interface ChartLine {
  /** Its name, at its end. */
  readonly name: string;
  /** Its points, from left to right. Points that are not finite are not drawn. */
  readonly points: readonly ChartPoint[];
  /**
   * Its colour, as SVG writes it.
   * @default one of its own, in the order of the lines
   */
  readonly colour?: string;
  /**
   * Its dashes, as SVG's `stroke-dasharray` writes them; "" for none.
   * @default none
   */
  readonly dash?: string;
}

/** An axis of a chart. */
export interface ChartAxis {
  /** Its words. */
  readonly label: string;
  /**
   * Whether it is linear or logarithmic.
   * @default "linear"
   */
  readonly scale?: "linear" | "log";
  /**
   * The numbers at its ends.
   * @default by the points
   */
  readonly domain?: readonly [number, number];
  /**
   * The numbers that it shows.
   * @default by the domain
   */
  readonly ticks?: readonly number[];
}

/** A chart of lines. */
export interface LineChart {
  /** Words for readers who cannot see it. */
  readonly label: string;
  /** Words above the plot, at its right. */
  readonly heading?: string;
  /** The horizontal axis. */
  readonly x: ChartAxis;
  /** The vertical axis. */
  readonly y: ChartAxis;
  /** Its lines. */
  readonly lines: readonly ChartLine[];
  /**
   * Width of the plot without axes and names, in pixels.
   * @default 492
   */
  readonly width?: number;
}

/** A picture with words. */
export interface Tile {
  /** A picture as a data URI. */
  readonly picture: string;
  /** Lines of text below it. */
  readonly lines: readonly string[];
  /** Words that show when a pointer rests on it. */
  readonly title: string;
}

/** How tiles are laid out. */
export interface TileOptions {
  /** Words for readers who cannot see it. */
  readonly label: string;
  /** Tiles of a row. */
  readonly columns: number;
  /** Width of a picture, in pixels. */
  readonly width: number;
  /** Height of a picture, in pixels. */
  readonly height: number;
  /** Pixels between columns and between rows. */
  readonly gaps: readonly [x: number, y: number];
  /** Characters that a line has room for. */
  readonly characters: number;
  /**
   * A strip of colours above the tiles.
   * @default none
   */
  readonly scale?: {
    /** Its colours from left to right, as SVG writes them. */
    readonly colours: readonly string[];
    /** Words at its left end, middle and right end. */
    readonly ends: readonly [string, string, string];
  };
}
