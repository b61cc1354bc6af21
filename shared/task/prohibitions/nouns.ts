/** What the nouns of a prohibition mean, told from its words in lower case. */

const adjectives =
  "(?:(?:any|all|the|these|existing|other|of|more|new|additional|further|your|our|my|its|unit|integration|e2e|end-to-end|regression|current|passing|failing|related|unrelated|to|in|a|an|own|extra) )*";
const tests = new RegExp(
  `^${adjectives}(?:tests?|test ?(?:files?|suites?|cases?|code|expectations?|assertions?|folder|directory)|test-files?|specs?|spec files?|unit-tests?|testsuite)(?: (?:files?|at all|suite|either|directly|themselves|whatsoever|anywhere))*$`,
);
const dependencies =
  /\b(dependenc(y|ies)|deps?|librar(y|ies)|packages?|npm modules?|node modules?|third[- ]party( code)?|gems?|crates?|devdependencies|lock-?files?|lock files?|manifests?|dependency versions?)\b/;
const network =
  /\b(network|internet|web|online|remote (hosts?|servers?|resources?)|(http|https|rest|api) (calls?|traffic) to|external (services?|apis?|calls?|requests?|urls?|hosts?|resources?)|outbound|http requests?)\b/;
const files =
  /^((any|all|the|existing|these|of|other|new|additional|extra|further|more|unlisted|unrelated) )*(source )?(files?|director(y|ies)|folders?|modules?|scripts?|anything|something|nothing)\b|^((any|the) )*(new|additional|other|extra|further) ones$/;
/** Files of one kind: a rule about all new files would say more. */
const kinds =
  /\b(temp|temporary|backup|scratch|documentation|docs?|markdown|readme|config|configuration|log|summary|report|debug|example|sample|migration|generated|build|output|barrel|index|type|declaration|css|json|yaml|\.\w+) files?\b/;

export const isTests = (words: string) => tests.test(words.replace(/^(to|in|of|on) /, ""));
export const isDependencies = (words: string) =>
  dependencies.test(words) &&
  !/\b(api|import|imports|circular|cycles?|between|boundar(y|ies)|manager|injection)\b/.test(words);
/** Of a verb like "touch": "the library" is code, "the dependencies" are declared. */
export const isDependencyList = (words: string) =>
  /\b(dependenc(y|ies)|deps|third[- ]party|lock-?files?|lock files?|manifests?|dependency versions?)\b/.test(
    words,
  ) && isDependencies(words);
export const isNetwork = (words: string) => network.test(words);
export const isFiles = (words: string) => files.test(words);
export const isKindOfFiles = (words: string) => kinds.test(words);
export const isGit = (words: string) =>
  /\b(git( (history|index|state|config|configuration|branch(es)?|operations?|commands?))?|staging area|version control)\b/.test(
    words,
  );
