/** Places for labels, in pixels, so that none lies over another. */

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

const CHARACTER = 6.9;
export const LINE = 14;

export const textWidth = (text: string): number => CHARACTER * text.length;

const meet = (a: Box, b: Box): boolean => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/** Small boxes along a line, which labels are to leave free. */
export function boxesAlong(x1: number, y1: number, x2: number, y2: number): Box[] {
  const count = Math.max(1, Math.ceil(Math.hypot(x2 - x1, y2 - y1) / 6));
  return Array.from({ length: count + 1 }, (_, i) => {
    const [x, y] = [x1 + ((x2 - x1) * i) / count, y1 + ((y2 - y1) * i) / count];
    return { left: x - 2, right: x + 2, top: y - 2, bottom: y + 2 };
  });
}

export interface Labelled {
  readonly x: number;
  readonly y: number;
  /** Of the dot. */
  readonly radius: number;
  readonly text: string;
}

export interface Label {
  /** Of the middle of the text. */
  readonly x: number;
  readonly y: number;
  /** Whether it stands so far away that a line should lead to it, and where on its edge that ends. */
  readonly leader?: readonly [x: number, y: number];
}

const DISTANCES = [0, 8, 16, 26, 38, 52, 68, 86, 106, 130, 160, 200];
const DIRECTIONS = 16;

/**
 * A label for each dot, beside it, in the frame and over no dot, no other label and nothing reserved; where there is no
 * such place near it, further and further away.
 */
export function besideDots(dots: readonly Labelled[], frame: Box, reserved: readonly Box[] = []): Label[] {
  const cores = dots.map(({ x, y, radius }): Box => {
    const core = Math.max(4, 0.8 * radius);
    return { left: x - core, right: x + core, top: y - core, bottom: y + core };
  });
  const taken: Box[] = [...reserved, ...cores];
  const texts: Box[] = [];
  return dots.map((dot) => {
    const half = textWidth(dot.text) / 2;
    const boxOf = ({ x, y }: Label): Box => ({
      left: x - half,
      right: x + half,
      top: y - LINE / 2,
      bottom: y + LINE / 2,
    });
    const leaderBoxes = ({ leader }: Label) =>
      leader === undefined ? [] : boxesAlong(dot.x, dot.y, leader[0], leader[1]);
    const isClear = (label: Label) => !leaderBoxes(label).some((box) => texts.some((other) => meet(box, other)));
    const isFree = (label: Label) => {
      const box = boxOf(label);
      const inside =
        box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom;
      return inside && !taken.some((other) => meet(box, other));
    };
    const places = DISTANCES.flatMap((distance) => around(dot, half, distance));
    const label = places.find((place) => isFree(place) && isClear(place)) ?? places.find(isFree) ?? places[0]!;
    taken.push(boxOf(label));
    texts.push(boxOf(label));
    return label;
  });
}

/** Places at one distance from a dot's edge: right, left, above, below, then between. */
function around({ x, y, radius }: Labelled, half: number, distance: number): Label[] {
  const order = [0, 8, 12, 4, ...Array.from({ length: DIRECTIONS }, (_, i) => i).filter((i) => i % 4 !== 0)];
  const reach = radius + 4 + distance;
  return order.map((direction) => {
    const angle = (2 * Math.PI * direction) / DIRECTIONS;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    // The nearest point of the text's box is on the ray from the dot.
    const [edgeX, edgeY] = [x + reach * cos, y + reach * sin];
    const place = { x: edgeX + half * sign(cos), y: edgeY + (LINE / 2) * sign(sin) };
    return distance > 8 ? { ...place, leader: [edgeX, edgeY] } : place;
  });
}

const sign = (value: number): number => (Math.abs(value) < 0.2 ? 0 : Math.sign(value));

/** Heights for labels beside the ends of lines: as near to their own as a line of text between neighbours allows. */
export function inAColumn(heights: readonly number[], top: number, bottom: number): number[] {
  const order = heights.map((_, i) => i).sort((a, b) => heights[a]! - heights[b]!);
  const placed = order.map((i) => heights[i]!);
  const step = Math.min(LINE, (bottom - top) / Math.max(1, placed.length - 1));
  // Neighbours that are too near become a group around their middle, until no groups meet.
  const groups = placed.map((at) => ({ middle: at, count: 1 }));
  for (let merged = true; merged; ) {
    merged = false;
    for (let g = 0; g + 1 < groups.length; g++) {
      const [a, b] = [groups[g]!, groups[g + 1]!];
      for (const group of [a, b]) {
        const half = ((group.count - 1) * step) / 2;
        group.middle = Math.min(Math.max(group.middle, top + half), bottom - half);
      }
      if (b.middle - a.middle >= ((a.count + b.count) * step) / 2 - 1e-9) continue;
      const count = a.count + b.count;
      groups.splice(g, 2, { middle: (a.middle * a.count + b.middle * b.count) / count, count });
      merged = true;
      break;
    }
  }
  const result = new Array<number>(heights.length);
  let next = 0;
  for (const { middle, count } of groups) {
    const half = ((count - 1) * step) / 2;
    const centre = Math.min(Math.max(middle, top + half), bottom - half);
    for (let k = 0; k < count; k++) result[order[next++]!] = centre - half + k * step;
  }
  return result;
}
