/** The devices there are, by name. */
import { unknownName } from "../base/errors.js";
import { CpuDevice } from "./cpu/cpu-device.js";
import type { Device } from "./device.js";
import { MACHINE_OPTIONS, type MachineOptions } from "./machine-options.js";

/** Opens a device. It refuses options that it has no use for. */
export type DeviceOpener = (options: Omit<MachineOptions, "device">) => Promise<Device>;

const openers = new Map<string, DeviceOpener>([
  ["cpu", (options) => CpuDevice.create(options)],
  ["reference", async (options) => (await import("./reference/reference-device.js")).openReference(options)],
]);

/** Makes a device known by a name, which the option `device` then takes. */
export function registerDevice(name: string, open: DeviceOpener): void {
  openers.set(name, open);
}

/** @throws OptionError where there is no such device, and on what the device refuses. */
export async function openDevice({ device = "cpu", ...options }: MachineOptions = {}): Promise<Device> {
  MACHINE_OPTIONS.device(device, "device");
  const open = openers.get(device);
  if (open === undefined) throw unknownName("device", device, [...openers.keys()]);
  return open(options);
}
