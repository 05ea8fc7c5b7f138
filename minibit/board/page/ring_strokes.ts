/** Bent arrows and bars between points of the choke ring. */
import { bend, type Point } from "../view/ring_layout.ts";

/** From where to where, around which centre, and how far from its ends it stops. */
export interface Stroke {
  readonly from: Point;
  readonly to: Point;
  readonly centre: Point;
  readonly dot: number;
}

/** How an arrow looks. */
export interface ArrowStyle {
  readonly colour: string;
  readonly width: number;
  readonly dash: readonly number[];
  /** With a filled head: something flows. An open slot that is not used has none. */
  readonly isFlowing: boolean;
}

/** Draws an arrow. */
export function strokeArrow(context: CanvasRenderingContext2D, stroke: Stroke, style: ArrowStyle): void {
  const middle = bend(stroke.from, stroke.to, stroke.centre);
  const head = style.isFlowing ? 7 + 1.6 * style.width : 0;
  const start = towards(stroke.from, middle, stroke.dot + 3);
  const tip = towards(stroke.to, middle, stroke.dot + 4);
  const end = towards(tip, middle, head * 0.8);
  context.strokeStyle = style.colour;
  context.lineWidth = style.width;
  context.lineCap = "butt";
  context.setLineDash([...style.dash]);
  context.beginPath();
  context.moveTo(start.x, start.y);
  context.quadraticCurveTo(middle.x, middle.y, end.x, end.y);
  context.stroke();
  if (style.isFlowing) {
    const angle = Math.atan2(tip.y - middle.y, tip.x - middle.x);
    context.fillStyle = style.colour;
    context.beginPath();
    context.moveTo(tip.x, tip.y);
    for (const side of [0.42, -0.42]) {
      context.lineTo(tip.x - head * Math.cos(angle + side), tip.y - head * Math.sin(angle + side));
    }
    context.fill();
  }
}

/** Draws a dotted line that ends at a bar: nothing goes through here. */
export function strokeBar(context: CanvasRenderingContext2D, stroke: Stroke, colour: string): void {
  const middle = bend(stroke.from, stroke.to, stroke.centre);
  const start = towards(stroke.from, middle, stroke.dot + 3);
  const end = towards(stroke.to, middle, stroke.dot + 6);
  context.strokeStyle = colour;
  context.lineWidth = 1.2;
  context.setLineDash([2, 4]);
  context.beginPath();
  context.moveTo(start.x, start.y);
  context.quadraticCurveTo(middle.x, middle.y, end.x, end.y);
  context.stroke();
  const angle = Math.atan2(end.y - middle.y, end.x - middle.x) + Math.PI / 2;
  context.lineWidth = 2.5;
  context.setLineDash([]);
  context.beginPath();
  context.moveTo(end.x - 5 * Math.cos(angle), end.y - 5 * Math.sin(angle));
  context.lineTo(end.x + 5 * Math.cos(angle), end.y + 5 * Math.sin(angle));
  context.stroke();
}

/** The point `distance` from `from` on the way to `to`. */
function towards(from: Point, to: Point, distance: number): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  return { x: from.x + ((to.x - from.x) / length) * distance, y: from.y + ((to.y - from.y) / length) * distance };
}
