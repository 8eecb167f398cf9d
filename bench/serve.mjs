/**
 * The peers' side of the conversation: requests and answers as lines of JSON on standard input and output, one at a time.
 * A peer in another language does the same (see peers/torch_peer.py):
 *
 *     {"do":"hello"}                                       -> {"system":"...","details":{...}}
 *     {"do":"prepare","workload":{...},"folder":"..."}      -> {"modes":["..."]}      (replaces what was prepared before)
 *     {"do":"check","mode":"...","file":"..."}              -> {}                     (writes its result, raw float32)
 *     {"do":"run","mode":"...","calls":n}                   -> {"ms":...}             (milliseconds a call)
 *
 * and answers {"error":"..."} to what fails.
 */
import { createInterface } from "node:readline";

export function serve(handlers) {
  // What libraries print must not come between the lines.
  const answer = process.stdout.write.bind(process.stdout);
  console.log = console.error;
  const lines = createInterface({ input: process.stdin });
  let chain = Promise.resolve();
  lines.on("line", (line) => {
    chain = chain.then(async () => {
      let reply;
      try {
        const { do: what, ...request } = JSON.parse(line);
        reply = (await handlers[what](request)) ?? {};
      } catch (error) {
        reply = { error: error instanceof Error ? error.message : String(error) };
      }
      answer(`${JSON.stringify(reply)}\n`);
    });
  });
  lines.on("close", () => chain.then(() => process.exit(0)));
}
