// Answers the Python tests: one JSON request a line on stdin, one answer a line on stdout, all in this one process.
// {"bundle": base64, "key"?} -> {"steps"}; {"manifest", "seed"} -> {"result"} or {"refused"}; {"canonical": base64} -> {"text"} or {"field"}
import { createInterface } from "node:readline";
import { fromHex } from "../src/protocol.js";
import { canonical, decode, FormError, read } from "../src/verifier/json.js";
import { Refused } from "../src/verifier/rules.js";
import { recomputeAtOnce, verifyAtOnce } from "../src/verifier/verify.js";

function answer(request) {
  if (request.bundle !== undefined) {
    const { steps } = verifyAtOnce(new Uint8Array(Buffer.from(request.bundle, "base64")), {
      logKey: request.key || "",
    });
    return { steps: steps.map(({ ok, code, field }) => ({ ok, code, field })) };
  }
  try {
    if (request.canonical !== undefined)
      return { text: canonical(read(decode(new Uint8Array(Buffer.from(request.canonical, "base64"))))) };
    return { result: recomputeAtOnce(request.manifest, fromHex(request.seed)).result };
  } catch (error) {
    if (error instanceof FormError) return { field: error.field };
    if (error instanceof Refused) return { refused: error.message };
    throw error;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line) process.stdout.write(`${JSON.stringify(answer(JSON.parse(line)))}\n`);
}
