/** `fovea go`: AlphaGo's policy network, from games to an engine. Each subcommand is a file of its own. */
import type { Command } from "commander";
import { goAnalyseCommand } from "./analyse.js";
import { goEvalCommand } from "./eval.js";
import { goGtpCommand } from "./gtp.js";
import { goMatchCommand } from "./match.js";
import { goPrepareCommand } from "./prepare.js";
import { goTrainCommand } from "./train.js";

export function goCommand(program: Command): void {
  const go = program
    .command("go")
    .summary("play Go by a network that has seen good players")
    .description("Plays and studies Go with AlphaGo's policy network (Silver et al. 2016).")
    .helpOption("-h, --help", "show this")
    .helpCommand(false)
    .addHelpText(
      "after",
      `
Examples:
  $ fovea go prepare ./games --out kgs.store        games in SGF into a store to learn from
  $ fovea go train kgs.store --filters 64 --layers 10 --minutes 90
  $ fovea go eval runs/alphago-policy-kgs.store     top-1 and top-5 on the test games, by phase
  $ fovea go gtp --model policy.safetensors         an engine for GoGui, Sabaki and KGS
  $ fovea go match --engine "gnugo --mode gtp" --engine "fovea go gtp --model policy.safetensors" --games 40
  $ fovea go analyse game.sgf --model policy.safetensors   each move's probability and rank`,
    );
  goPrepareCommand(go);
  goTrainCommand(go);
  goEvalCommand(go);
  goGtpCommand(go);
  goMatchCommand(go);
  goAnalyseCommand(go);
}
