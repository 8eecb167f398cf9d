/** `fovea go gtp`: an engine that any Go program can play against. */

import { createInterface } from "node:readline";
import type { Command } from "commander";
import { printable } from "../../../base/text.js";
import { CHINESE, type Rules, SIMPLE_KO, TROMP_TAYLOR } from "../../../go/board/game.js";
import { GtpSession } from "../../../go/gtp/gtp.js";
import { Player } from "../../../go/policy/player.js";
import { readGame } from "../../../go/sgf/read-node.js";
import { foveaVersion } from "../../../host/package-node.js";
import { numberOf, oneOf, wholeOf } from "../../options/arguments.js";
import { EXIT } from "../../terminal/errors.js";
import { openPolicy, type PolicyFlags, withPolicyFlags } from "./policy.js";

interface Flags extends PolicyFlags {
  readonly rules: keyof typeof RULES;
  readonly temperature: number;
  readonly seed: number;
  /** False with --no-resign. */
  readonly resign: number | boolean;
}

const RULES = { chinese: CHINESE, "tromp-taylor": TROMP_TAYLOR, "simple-ko": SIMPLE_KO } as const satisfies Record<
  string,
  Rules
>;
const RULE_NAMES = Object.keys(RULES) as (keyof typeof RULES)[];
const RESIGN = 30;

export function goGtpCommand(go: Command): void {
  withPolicyFlags(
    go
      .command("gtp")
      .summary("play as a GTP engine")
      .description(
        "Speaks the Go Text Protocol, version 2, on standard input and output, with what KGS and GoGui add to it: name this command " +
          "as an engine in GoGui, Sabaki or kgsGtp. It plays the policy's likeliest sensible move; there is no search.",
      ),
  )
    .option(
      "--rules <name>",
      `${RULE_NAMES.join(", ")}: which moves are legal`,
      oneOf("--rules", RULE_NAMES),
      "chinese",
    )
    .option(
      "--temperature <t>",
      "0 plays the likeliest move; above, moves are drawn, 1 as often as the policy says",
      numberOf("--temperature"),
      0,
    )
    .option("--seed <n>", "for drawing moves", wholeOf("--seed", 0), 0)
    .option("--resign <points>", "resign when so far behind for some moves", numberOf("--resign"), RESIGN)
    .option("--no-resign", "play on to the end")
    .helpOption("-h, --help", "show this")
    .addHelpText(
      "after",
      `
Examples:
  $ fovea go gtp --model policy.safetensors
  $ printf 'boardsize 19\\ngenmove black\\nshowboard\\nquit\\n' | fovea go gtp --model policy.safetensors`,
    )
    .action(async (flags: Flags) => {
      process.exitCode = await serve(flags);
    });
}

async function serve(flags: Flags): Promise<number> {
  const policy = await openPolicy(flags);
  try {
    const resignBehind =
      typeof flags.resign === "number" ? flags.resign : flags.resign ? RESIGN : Number.POSITIVE_INFINITY;
    const { temperature, seed } = flags;
    const session = new GtpSession({
      player: new Player(policy, { temperature, seed, resignBehind }),
      name: "fovea",
      version: foveaVersion(),
      rules: RULES[flags.rules],
      readGame,
    });
    // One line after the other, in the order in which they came.
    for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
      const answer = await session.answer(line);
      if (answer !== undefined) process.stdout.write(printable(answer));
      if (session.ended) break;
    }
    return EXIT.ok;
  } finally {
    await policy.close();
  }
}
