/** The devices there are, by name. */
import { unknownName } from "../base/errors.js";
import { CpuDevice } from "./cpu/cpu-device.js";
import type { Device } from "./device.js";
import { type DEVICE_NAMES, MACHINE_OPTIONS, type MachineOptions } from "./machine-options.js";

/** Opens a device. It refuses options that it has no use for. */
export type DeviceOpener = (options: Omit<MachineOptions, "device">) => Promise<Device>;

const BUILT_IN: Readonly<Record<(typeof DEVICE_NAMES)[number], DeviceOpener>> = {
  cpu: (options) => CpuDevice.create(options),
  reference: async (options) => (await import("./reference/reference-device.js")).openReference(options),
};

const openers = new Map<string, DeviceOpener>(Object.entries(BUILT_IN));

/** Makes a device known by a name, which the option `device` then takes. */
export function registerDevice(name: string, open: DeviceOpener): void {
  openers.set(name, open);
}

/**
 * Opens a device: it compiles entries of any graph, keeps their states by name, and runs them.
 *
 * @example
 * ```js
 * import { Graph, openDevice, ops } from "fovea";
 *
 * const graph = new Graph();
 * const x = graph.input("x", { shape: [3] });
 * const w = graph.state("w", "parameter", [3]);
 * const device = await openDevice();
 * const product = await device.compile({ name: "product", outputs: { y: ops.multiply(x, w) }, assigns: [] });
 * await device.writeState("w", [1, 10, 100]);
 * const { y } = await product.run({ x: [1, 2, 3, 4, 5, 6] }); // two samples of shape [3]
 * await device.close();
 * console.log(Array.from(y)); // [ 1, 20, 300, 4, 50, 600 ]
 * ```
 *
 * @throws OptionError if there is no such device, or on an option that the device does not take
 * @throws BackendError if the machine lacks what was asked for
 */
export async function openDevice({ device = "cpu", ...options }: MachineOptions = {}): Promise<Device> {
  MACHINE_OPTIONS.device(device, "device");
  const open = openers.get(device);
  if (open === undefined) throw unknownName("device", device, [...openers.keys()]);
  return open(Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)));
}
