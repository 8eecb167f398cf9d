/** The least that a page needs to load a model file and run it: what it weighs is measured. */
import { createClassifier, parseModel } from "fovea";

const file = await fetch("model.safetensors");
const classify = await createClassifier(parseModel(new Uint8Array(await file.arrayBuffer())));
const { label } = await classify(new Uint8Array(784));
document.body.textContent = String(label);
