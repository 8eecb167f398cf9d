/**
 * Where each pixel of the result is taken from: geometric transforms, one after another, compose into one affine map
 * from pixels of the canvas to pixels of the picture, x = xx u + xy v + x0 and y = yx u + yy v + y0, with whole numbers
 * at the centres of pixels. So a picture is sampled once, however many transforms there are. A crop does not cut: what
 * a later transform brings in from outside of it is the picture's own.
 */
export class Placement {
  xx = 1;
  xy = 0;
  x0 = 0;
  yx = 0;
  yy = 1;
  y0 = 0;
  /** Of the canvas. */
  height = 0;
  width = 0;

  start(height: number, width: number): this {
    this.xx = this.yy = 1;
    this.xy = this.yx = this.x0 = this.y0 = 0;
    this.height = height;
    this.width = width;
    return this;
  }

  /** A window of the canvas; it may reach beyond. */
  crop(top: number, left: number, height: number, width: number): void {
    this.x0 += this.xx * left + this.xy * top;
    this.y0 += this.yx * left + this.yy * top;
    this.height = height;
    this.width = width;
  }

  flip(): void {
    this.x0 += this.xx * (this.width - 1);
    this.y0 += this.yx * (this.width - 1);
    this.xx = 0 - this.xx;
    this.yx = 0 - this.yx;
  }

  resize(height: number, width: number): void {
    if (height === this.height && width === this.width) return;
    const sx = this.width / width;
    const sy = this.height / height;
    const [left, top] = [sx / 2 - 0.5, sy / 2 - 0.5];
    this.crop(top, left, height, width);
    this.xx *= sx;
    this.yx *= sx;
    this.xy *= sy;
    this.yy *= sy;
  }

  /** The point (u, v) from the centre shows what (a u + b v + dx, c u + d v + dy) did. */
  linear(a: number, b: number, c: number, d: number, dx: number, dy: number): void {
    const [mx, my] = [(this.width - 1) / 2, (this.height - 1) / 2];
    const left = mx + dx - a * mx - b * my;
    const top = my + dy - c * mx - d * my;
    this.crop(top, left, this.height, this.width);
    const { xx, xy, yx, yy } = this;
    this.xx = xx * a + xy * c;
    this.xy = xx * b + xy * d;
    this.yx = yx * a + yy * c;
    this.yy = yx * b + yy * d;
  }

  /** Rows of the result are rows of the picture. */
  get isUpright(): boolean {
    return this.xy === 0 && this.yx === 0;
  }

  /** Every pixel of the result is one of the picture, or one outside of it. */
  get isWhole(): boolean {
    const { xx, yy, x0, y0 } = this;
    return this.isUpright && (xx === 1 || xx === -1) && yy === 1 && Number.isInteger(x0) && Number.isInteger(y0);
  }

  /** Whether any of the result lies outside a picture of this size, by more than rounding. */
  leaves(height: number, width: number): boolean {
    const slack = 0.5 + 1e-6;
    for (const u of [0, this.width - 1]) {
      for (const v of [0, this.height - 1]) {
        const x = this.xx * u + this.xy * v + this.x0;
        const y = this.yx * u + this.yy * v + this.y0;
        if (x < -slack || x > width - 1 + slack || y < -slack || y > height - 1 + slack) return true;
      }
    }
    return false;
  }

  /** How many pixels of the picture a step to the right, or down, goes over. */
  get stride(): readonly [x: number, y: number] {
    const { xx, xy, yx, yy } = this;
    return [Math.sqrt(xx * xx + yx * yx), Math.sqrt(xy * xy + yy * yy)];
  }
}
