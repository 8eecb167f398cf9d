/** Pages that lack something, in every browser. */
import { BROWSERS } from "./support/browsers.js";
import { describePolicies } from "./support/policies.js";

describePolicies(BROWSERS);
