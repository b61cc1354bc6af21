import { engines, version } from "../package.json";

/** Version of the package; the bundler puts it in. */
export const VERSION: string = version;

/** The oldest Node that Handrail runs on, as `major.minor.patch`. */
export const OLDEST_NODE: string = engines.node.replace(/^>=/, "");
