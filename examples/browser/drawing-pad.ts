/**
 * A canvas to draw on with a mouse, fingers, a pen or the keyboard. Strokes are kept as points, so that they can be drawn
 * again in another colour when the page turns dark or light.
 */
interface Point {
  readonly x: number;
  readonly y: number;
}

/** Of the canvas's width: what a thick felt pen would draw, as MNIST's writers had. */
const PEN = 0.095;
/** How far an arrow key moves. */
const STEP = 0.025;

export class DrawingPad {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #changed: () => void;
  #strokes: Point[][] = [];
  /** Strokes under way, by pointer: two fingers draw two. */
  readonly #open = new Map<number, Point[]>();
  /** Where the keyboard's pen is, and the stroke it draws if it is down. */
  #cursor: Point | undefined;
  #keyStroke: Point[] | undefined;

  constructor(canvas: HTMLCanvasElement, changed: () => void) {
    this.#canvas = canvas;
    // It is read after every change.
    this.#context = canvas.getContext("2d", { willReadFrequently: true })!;
    this.#changed = changed;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"] as const)
      canvas.addEventListener(end, (event) => this.#open.delete(event.pointerId));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("blur", () => this.#leave());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  get empty(): boolean {
    return this.#strokes.length === 0;
  }

  /** No pen is down. */
  get resting(): boolean {
    return this.#open.size === 0;
  }

  clear(): void {
    this.#strokes = [];
    this.#open.clear();
    this.#keyStroke = undefined;
    this.#update();
  }

  /** What is drawn, on a transparent ground and without the keyboard's cursor. */
  picture(): ImageData {
    this.#draw({ cursor: false });
    const picture = this.#context.getImageData(0, 0, this.#canvas.width, this.#canvas.height);
    if (this.#cursor !== undefined) this.#draw();
    return picture;
  }

  #down(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#cursor = undefined;
    this.#keyStroke = undefined;
    const stroke = [this.#place(event)];
    this.#open.set(event.pointerId, stroke);
    this.#strokes.push(stroke);
    this.#update();
  }

  #move(event: PointerEvent): void {
    const stroke = this.#open.get(event.pointerId);
    if (stroke === undefined) return;
    // A fast pen moves several times a frame.
    const all = event.getCoalescedEvents();
    for (const each of all.length > 0 ? all : [event]) stroke.push(this.#place(each));
    this.#update();
  }

  #place(event: PointerEvent): Point {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    return { x: (event.clientX - left) / width, y: (event.clientY - top) / height };
  }

  #key(event: KeyboardEvent): void {
    const move = MOVES[event.key];
    if (move === undefined && event.key !== " " && event.key !== "Escape") return;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (event.key === "Escape") {
      this.clear();
      return;
    }
    const at = this.#cursor ?? { x: 0.5, y: 0.25 };
    const within = (n: number) => Math.min(1, Math.max(0, n));
    this.#cursor = move === undefined ? at : { x: within(at.x + STEP * move[0]), y: within(at.y + STEP * move[1]) };
    if (event.key === " ") {
      this.#keyStroke = this.#keyStroke === undefined ? [this.#cursor] : undefined;
      if (this.#keyStroke !== undefined) this.#strokes.push(this.#keyStroke);
    } else {
      this.#keyStroke?.push(this.#cursor);
    }
    this.#update();
  }

  #leave(): void {
    this.#cursor = undefined;
    this.#keyStroke = undefined;
    this.#draw();
  }

  #update(): void {
    this.#draw();
    this.#changed();
  }

  #draw({ cursor = true } = {}): void {
    const { width, height } = this.#canvas;
    const context = this.#context;
    context.clearRect(0, 0, width, height);
    context.strokeStyle = getComputedStyle(this.#canvas).color;
    context.lineWidth = PEN * width;
    context.lineCap = "round";
    context.lineJoin = "round";
    for (const stroke of this.#strokes) {
      context.beginPath();
      // A line to itself is a dot.
      for (const [i, { x, y }] of [stroke[0]!, ...stroke].entries())
        if (i === 0) context.moveTo(x * width, y * height);
        else context.lineTo(x * width, y * height);
      context.stroke();
    }
    if (!cursor || this.#cursor === undefined) return;
    context.lineWidth = 3;
    context.beginPath();
    context.arc(this.#cursor.x * width, this.#cursor.y * height, (PEN / 2) * width + 4, 0, 2 * Math.PI);
    context.stroke();
  }
}

const MOVES: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
