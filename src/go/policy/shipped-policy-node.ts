/** The trained policy that comes with the package, where it has one (examples/go-policy says how it was made). */
import { existsSync } from "node:fs";
import { packageFile } from "../../host/package-node.js";

/** Beside dist/, as a model's file for 19x19. */
const PLACE = packageFile("policies/go-19x19.safetensors");

export const shippedPolicy = (): string | undefined => (existsSync(PLACE) ? PLACE : undefined);
