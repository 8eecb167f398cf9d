/** GNU Go as an oracle, where it is installed. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { GtpClient } from "#fovea/go/gtp/client-node.js";

const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/games"];
export const GNUGO = folders.map((folder) => join(folder, "gnugo")).find((path) => existsSync(path));

export const startGnuGo = (options = ""): GtpClient => new GtpClient(`"${GNUGO}" --mode gtp ${options}`);
