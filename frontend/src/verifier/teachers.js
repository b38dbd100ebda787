// The teachers' draw: the teams' names shuffled, the classes' numbers shuffled, and paired.
import { byCodePoint, Stream } from "./chance.js";
import { onlyKeys, refuse, whole } from "./rules.js";

export function teachers({ rules, entries }, seed) {
  onlyKeys(rules, ["classes"]);
  const classes = whole(rules, "classes"),
    stream = new Stream(seed, "teachers");
  if (classes !== entries.length) refuse("classes", `${entries.length}`);
  const teams = stream.shuffle(entries.map((e) => e.code).sort(byCodePoint));
  const numbers = stream.shuffle(Array.from({ length: classes }, (_, i) => i + 1));
  return { result: { teams: Object.fromEntries(teams.map((team, i) => [team, numbers[i]])) } };
}
