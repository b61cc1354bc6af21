#!/usr/bin/env node
// The form that the workflows write down: the same program as `handrail`, with the same arguments.
import("../../../dist/handrail.mjs");
