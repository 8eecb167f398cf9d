/**
 * What kernels of one's own are written with: the contract of a strategy, the kernel language, and how values lie in
 * memory. A strategy is made known by `registerStrategy` of `fovea`; docs/your-first-op.md writes one.
 */

export type { NarrowType } from "./base/element-type.js";
export type { KernelBuilder } from "./codegen/builder/builder.js";
export { defineKernel, type KernelCode, type KernelDefinition, type OperandList } from "./codegen/definition.js";
export type { Access, CompareFloat, CompareInt, FloatBinary, IntArg, Kernel, Operand, Reg } from "./codegen/ir.js";
export { printKernel } from "./codegen/print.js";
export type { Buffer, Emitter, Pieces, ReferenceCall } from "./kernels/contract/emitter.js";
export {
  type Layout,
  layoutOf,
  type RowLayout,
  rowLayout,
  vectorLanes,
} from "./kernels/contract/layout.js";
export type { Packing } from "./kernels/contract/packing.js";
export type { PointwiseGroup } from "./kernels/contract/pointwise-group.js";
export type { Lowering, PoolWork, Strategy, Work } from "./kernels/contract/strategy.js";
export type { OperandKind, PointwiseOp } from "./kernels/elementwise/pointwise.js";
export { operandKind } from "./kernels/elementwise/pointwise.js";
export { type BlockCode, type Blocks, blocksOf, eachBlock, oneBlock } from "./kernels/language/blocks.js";
export { cleaned } from "./kernels/language/channels.js";
export { eachPiece, type Indices, type Piece, type PieceOptions, pieces } from "./kernels/language/pieces.js";
export { type At, type Strides, type View, view } from "./kernels/language/view.js";
export { planWalk, type Site, type Walk, type WalkMode, writeWalk, writeWalkTail } from "./kernels/language/walk.js";
export type { CodeTarget, FmaMode, InstructionSet, Lanes, Prefetching, Registers, Target } from "./target/target.js";
