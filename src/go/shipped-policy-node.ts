/** The trained policy that comes with the package, where it has one (examples/go-policy says how it was made). */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Beside dist/, as a model's file for 19x19. */
const PLACE = fileURLToPath(new URL("../../policies/go-19x19.safetensors", import.meta.url));

export const shippedPolicy = (): string | undefined => (existsSync(PLACE) ? PLACE : undefined);
