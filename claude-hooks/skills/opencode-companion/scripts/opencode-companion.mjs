#!/usr/bin/env node
// `handrail` under the path that workflows write down: session, job, serve, review and the other verbs.
await import(new URL("../../../dist/handrail.mjs", import.meta.url));
