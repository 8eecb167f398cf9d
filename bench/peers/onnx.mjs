/** What the peers that compute a network from an ONNX file share, in Node and in a page. */

/** One call: a tensor around the input, and the logits as an array. */
export async function call(ort, session, { data, dims }) {
  const { logits } = await session.run({ input: new ort.Tensor("float32", data, dims) });
  return logits.data;
}
