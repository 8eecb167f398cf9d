/** The process in which `npm run fuzz` tries its cases: takes `{ seed }`, and answers as scripts/fuzz.mjs says. */
const [kind, values] = process.argv.slice(2);
// Ctrl-C in a terminal reaches this process too; the parent ends it when it has printed its summary.
process.on("SIGINT", () => {});
process.on("disconnect", async () => {
  (await opened).close?.();
  process.exit();
});
const { open } = await import(`./fuzz/${kind}.mjs`);
const opened = open(JSON.parse(values)).catch((error) => ({ cannot: error.message }));
process.on("message", async ({ seed }) => {
  const { attempt, cannot } = await opened;
  if (cannot !== undefined) return answer({ cannot });
  try {
    answer(await attempt(seed));
  } catch (error) {
    const text = String(error?.stack ?? error);
    answer({ failures: [{ title: text.split("\n", 1)[0], text: `seed ${seed}: ${text}` }] });
  }
});

/** The parent may have gone meanwhile. */
function answer(result) {
  process.send(result, () => {});
}
