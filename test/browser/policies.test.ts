/** Pages that lack something, in Chromium; test/environments has Firefox too. */
import { BROWSERS } from "../environments/support/browsers.js";
import { describePolicies } from "../environments/support/policies.js";

describePolicies(BROWSERS.filter(({ name }) => name === "Chromium"));
