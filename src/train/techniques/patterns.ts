/** Names of parameters held against patterns. */
import { OptionError } from "../../base/errors.js";

/** The regular expression of an option, which may be found anywhere in a parameter's name. */
export function patternOf(option: string, text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    const why = (error as Error).message.replace(/^Invalid regular expression: /, "");
    throw new OptionError(`${option} "${text}": is not a regular expression: ${why}; such as 'layer[1-3]' or 'bias$'`);
  }
}
