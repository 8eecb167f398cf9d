/** `npm run build`: compiles src/ to dist/. */
import { build } from "./prepare.mjs";

process.exitCode = (await build()) ? 0 : 1;
