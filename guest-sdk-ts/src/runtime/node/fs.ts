/** `node:fs`: of its three interfaces the one with promises. */
import promises, { constants } from "./promises.ts";

export { constants, promises };
export default { constants, promises };
