import assert from "node:assert/strict";
import { test } from "node:test";
import { fit, judge, laplacianVariance, luminance, mean, problem } from "../src/picture.js";

const picture = (value) => Uint8ClampedArray.from({ length: 40 * 40 * 4 }, (_, i) => value(Math.floor(i / 4)));

test("luminance weighs green most and blue least", () => {
  const grey = luminance(
    Uint8ClampedArray.from([255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255, 255, 255, 255]),
    4,
  );
  assert.deepEqual([...grey].map(Math.round), [76, 150, 29, 255]);
});

test("an even picture has no edges, a striped one has", () => {
  assert.equal(laplacianVariance(new Float32Array(64).fill(128), 8, 8), 0);
  assert.ok(
    laplacianVariance(
      Float32Array.from({ length: 64 }, (_, i) => (i % 2 ? 0 : 255)),
      8,
      8,
    ) > 1000,
  );
});

test("softer edges give a smaller variance", () => {
  const ramp = (width) =>
    Float32Array.from({ length: 400 }, (_, i) => Math.min(255, Math.max(0, ((i % 20) - 10) * (255 / width) + 128)));
  assert.ok(laplacianVariance(ramp(1), 20, 20) > 4 * laplacianVariance(ramp(10), 20, 20));
});

test("dark and blurred pictures are told", () => {
  assert.equal(
    problem(
      judge(
        picture(() => 20),
        40,
        40,
      ),
    ),
    "dark",
  );
  assert.equal(
    problem(
      judge(
        picture(() => 200),
        40,
        40,
      ),
    ),
    "blurred",
  );
  assert.equal(
    problem(
      judge(
        picture((i) => (i % 7 < 3 ? 30 : 240)),
        40,
        40,
      ),
    ),
    "",
  );
});

test("pictures shrink to 2000 pixels and never grow", () => {
  assert.deepEqual(fit(4000, 3000), [2000, 1500]);
  assert.deepEqual(fit(3000, 6000), [1000, 2000]);
  assert.deepEqual(fit(800, 600), [800, 600]);
  assert.deepEqual(fit(9000, 1), [2000, 1]);
});

test("the mean of nothing is nothing", () => assert.equal(mean([]), 0));
