// Which characters of two short texts differ: runs of {text, same} for each side, by longest common subsequence.
export function diff(left, right) {
  const a = [...left],
    b = [...right]; // by code point: rare characters take two units
  const best = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--)
      best[i][j] = a[i] === b[j] ? best[i + 1][j + 1] + 1 : Math.max(best[i + 1][j], best[i][j + 1]);
  }
  const sides = [[], []];
  const add = (side, text, same) => {
    const runs = sides[side],
      end = runs[runs.length - 1];
    if (end && end.same === same) end.text += text;
    else runs.push({ text, same });
  };
  let i = 0,
    j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      add(0, a[i++], true);
      add(1, b[j++], true);
    } else if (j >= b.length || (i < a.length && best[i + 1][j] >= best[i][j + 1])) add(0, a[i++], false);
    else add(1, b[j++], false);
  }
  return sides;
}
