// Class assignment, written from docs/class-assignment.md; the numbers of its steps stand in the comments.
import { Stream } from "./chance.js";
import { planOf, root } from "./plan.js";
import { Refused, refuse } from "./rules.js";

const NOBODY = -1;

// Lists of numbers, element by element.
function less(one, other) {
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return one[i] < other[i];
  return false;
}

// Who is in which class, with all sums that the steps ask for, kept up to date by put and take.
class Classes {
  constructor(plan) {
    const { classes, levels, limits, moments, units } = plan;
    this.plan = plan;
    this.classOf = new Int32Array(units.length).fill(-1);
    this.pupils = new Int32Array(classes);
    this.counts = Array.from({ length: classes }, () => new Int32Array(levels));
    this.limits = Array.from({ length: classes }, () => new Int32Array(limits.length));
    this.offs = Array.from({ length: classes }, () => new Float64Array(moments));
    this.large = 0; // classes with more than ⌊n/K⌋ pupils
    this.lists = Array.from({ length: classes }, () => []);
    this.changed = new Int32Array(classes); // when a class was changed last, for visits that need no repetition
    this.clock = 1;
  }

  copy() {
    const made = new Classes(this.plan);
    made.restore(this);
    return made;
  }

  restore(from) {
    this.classOf.set(from.classOf);
    this.pupils.set(from.pupils);
    for (const part of ["counts", "limits", "offs"]) from[part].forEach((row, c) => this[part][c].set(row));
    this.large = from.large;
    this.lists = from.lists.map((list) => [...list]);
    this.clock++;
    this.changed.fill(this.clock);
  }

  move(unit, to, sign) {
    const { units, quota } = this.plan,
      u = units[unit],
      before = this.pupils[to];
    this.classOf[unit] = sign > 0 ? to : -1;
    this.pupils[to] += sign * u.members.length;
    this.large += (this.pupils[to] > quota) - (before > quota);
    const counts = this.counts[to],
      limits = this.limits[to],
      offs = this.offs[to];
    for (const [level, count] of u.levels) counts[level] += sign * count;
    for (let k = 0; k < limits.length; k++) limits[k] += sign * u.weights[k];
    for (let m = 0; m < offs.length; m++) offs[m] += sign * u.values[m];
    this.changed[to] = ++this.clock;
  }

  put(unit, to) {
    this.move(unit, to, 1);
  }
  take(unit) {
    this.move(unit, this.classOf[unit], -1);
  }

  fits(unit, to) {
    const { units, quota, over, late, cap, limits } = this.plan,
      u = units[unit],
      after = this.pupils[to] + u.members.length;
    if (late ? after > cap : after > quota && !(after === quota + 1 && this.large < over)) return false;
    for (const enemy of u.enemies) if (this.classOf[enemy] === to) return false;
    for (let k = 0; k < limits.length; k++)
      if (u.weights[k] > 0 && this.limits[to][k] + u.weights[k] > limits[k].most) return false;
    return true;
  }

  // For each criterion, the sum of squared counts.
  squares() {
    const sums = this.plan.criteria.map(() => 0);
    for (const counts of this.counts)
      counts.forEach((count, level) => {
        sums[this.plan.criterionOf[level]] += count * count;
      });
    return sums;
  }

  // The sum of |off| over all moments and classes.
  distance() {
    return this.offs.reduce((sum, row) => row.reduce((total, off) => total + Math.abs(off), sum), 0);
  }

  spread(level) {
    let least = Infinity,
      most = -Infinity;
    for (const counts of this.counts) {
      least = Math.min(least, counts[level]);
      most = Math.max(most, counts[level]);
    }
    return most - least;
  }

  isLevel(criterion) {
    for (let l = 0; l < this.plan.levels; l++)
      if (this.plan.criterionOf[l] === criterion && this.spread(l) > 1) return false;
    return true;
  }
}

// Step 2: units whose class is given.
function settle(state) {
  const { plan } = state,
    settled = plan.units.map((u, i) => i).filter((i) => plan.units[i].settled >= 0);
  for (const unit of settled) if (!plan.units[unit].mustFit) state.put(unit, plan.units[unit].settled);
  for (const unit of settled) {
    if (!plan.units[unit].mustFit) continue;
    if (!state.fits(unit, plan.units[unit].settled)) refuse("fixed", plan.units[unit].members[0].code);
    state.put(unit, plan.units[unit].settled);
  }
}

// Step 4: places for bound units, by depth-first search.
function* search(state, todo, stream) {
  const { units, classes, late } = state.plan,
    most = 200 + 10 * todo.length;
  for (let attempt = 1; attempt <= 50; attempt++) {
    if (attempt > 1) stream.shuffle(todo);
    const start = new Map(todo.map((unit) => [unit, stream.below(classes)])),
      waiting = new Set(todo),
      path = [];
    let tries = 0,
      ended = false;

    const next = () => {
      let best = null,
        key = null;
      for (const unit of todo) {
        if (!waiting.has(unit)) continue;
        let fitting = 0;
        for (let c = 0; c < classes; c++) fitting += state.fits(unit, c);
        const rank = [fitting, -units[unit].members.length, -units[unit].enemies.length];
        if (best === null || less(rank, key)) [best, key] = [unit, rank];
      }
      const options = [];
      let empty = false;
      for (let k = 0; k < classes; k++) {
        const c = (start.get(best) + k) % classes;
        if (!state.fits(best, c) || (state.pupils[c] === 0 && empty)) continue;
        empty = empty || state.pupils[c] === 0;
        options.push(c);
      }
      if (late || attempt % 2 === 0) options.sort((a, b) => state.pupils[a] - state.pupils[b]);
      waiting.delete(best);
      path.push({ unit: best, options, at: 0 });
    };

    if (!todo.length) return;
    next();
    while (path.length) {
      const step = path[path.length - 1];
      if (state.classOf[step.unit] >= 0) state.take(step.unit);
      if (step.at === step.options.length) {
        path.pop();
        waiting.add(step.unit);
        continue;
      }
      if (tries === most) {
        ended = true;
        break;
      }
      tries++;
      if (tries % 100 === 0) yield {};
      state.put(step.unit, step.options[step.at++]);
      if (!waiting.size) return;
      next();
    }
    if (!ended) refuse("", "contradiction");
    for (const unit of todo) if (state.classOf[unit] >= 0) state.take(unit);
  }
  refuse("", "search");
}

// Exchanges between two classes: steps 5 and 6.
class Exchanges {
  constructor(state) {
    const { plan } = state;
    this.state = state;
    this.plan = plan;
    this.width = plan.criteria.length;
    this.quiet = new Int32Array(plan.classes ** 2); // when a visit of a round last found nothing to do
    this.difference = new Int32Array(plan.levels);
    this.best = new Float64Array(this.width + 2);
    this.change = new Float64Array(this.width + 2);
    this.offs = new Float64Array(plan.moments);
    this.views = [];
  }

  look(a, b) {
    const one = this.state.counts[a],
      other = this.state.counts[b];
    for (let l = 0; l < this.difference.length; l++) this.difference[l] = other[l] - one[l];
  }

  allowed(i, j, a, b) {
    const { units, limits } = this.plan,
      { classOf } = this.state;
    if (i !== NOBODY) for (const enemy of units[i].enemies) if (enemy !== j && classOf[enemy] === b) return false;
    if (j !== NOBODY) for (const enemy of units[j].enemies) if (enemy !== i && classOf[enemy] === a) return false;
    for (let k = 0; k < limits.length; k++) {
      const gain = (i === NOBODY ? 0 : units[i].weights[k]) - (j === NOBODY ? 0 : units[j].weights[k]);
      if (gain > 0 && this.state.limits[b][k] + gain > limits[k].most) return false;
      if (gain < 0 && this.state.limits[a][k] - gain > limits[k].most) return false;
    }
    return true;
  }

  size(i, j, a, b) {
    const { units } = this.plan,
      { pupils } = this.state;
    const e = (i === NOBODY ? 0 : units[i].members.length) - (j === NOBODY ? 0 : units[j].members.length);
    return e * (pupils[b] - pupils[a] + e);
  }

  // The change in one criterion, of whichever units.
  inCriterion(i, j, criterion) {
    const { units, levelOf, levelsOf } = this.plan,
      d = this.difference;
    if (i !== NOBODY && j !== NOBODY && units[i].single && units[j].single) {
      const one = levelOf[criterion][i],
        other = levelOf[criterion][j];
      return one === other ? 0 : d[one] - d[other] + 2;
    }
    const net = new Map();
    if (i !== NOBODY) for (const [level, count] of levelsOf[criterion][i]) net.set(level, count);
    if (j !== NOBODY)
      for (const [level, count] of levelsOf[criterion][j]) net.set(level, (net.get(level) || 0) - count);
    let sum = 0;
    for (const [level, e] of net) sum += e * (d[level] + e);
    return sum;
  }

  ordered(i, j, a, b) {
    const { units, moments } = this.plan,
      one = this.state.offs[a],
      other = this.state.offs[b];
    let sum = 0;
    for (let m = 0; m < moments; m++) {
      const d = (i === NOBODY ? 0 : units[i].values[m]) - (j === NOBODY ? 0 : units[j].values[m]);
      sum += d * (other[m] - one[m] + d);
    }
    return sum;
  }

  exchange(i, j, a, b) {
    const { state } = this;
    if (i !== NOBODY) state.take(i);
    if (j !== NOBODY) state.take(j);
    if (i !== NOBODY) state.put(i, b);
    if (j !== NOBODY) state.put(j, a);
    const from = state.lists[a],
      to = state.lists[b];
    if (i === NOBODY) from.push(...to.splice(to.indexOf(j), 1));
    else if (j === NOBODY) to.push(...from.splice(from.indexOf(i), 1));
    else {
      from[from.indexOf(i)] = j;
      to[to.indexOf(j)] = i;
    }
  }

  // A class's list prepared for the steps, until the class changes: its single pupils in the order of their levels, with
  // jumps over all who share the first levels; the others; and the free ones by kind.
  view(c) {
    const { state, plan, width, views } = this;
    if (views[c] && views[c].at === state.changed[c]) return views[c];
    const { isSingle, levelAt, kindOf } = plan;
    const singles = [],
      others = [],
      kinds = new Map();
    state.lists[c].forEach((unit, position) => {
      (isSingle[unit] ? singles : others).push({ unit, position });
      const kind = kindOf[unit];
      if (kind >= 0) kinds.has(kind) ? kinds.get(kind).push(unit) : kinds.set(kind, [unit]);
    });
    singles.sort(({ unit: one }, { unit: other }) => {
      for (let k = 0; k < width; k++) {
        const difference = levelAt[one * width + k] - levelAt[other * width + k];
        if (difference) return difference;
      }
      return 0;
    });
    const n = singles.length,
      jump = new Int32Array(n * width).fill(n);
    for (let s = n - 2; s >= 0; s--) {
      let same = true;
      for (let k = 0; k < width; k++) {
        same &&= levelAt[singles[s].unit * width + k] === levelAt[singles[s + 1].unit * width + k];
        jump[s * width + k] = same ? jump[(s + 1) * width + k] : s + 1;
      }
    }
    views[c] = {
      at: state.changed[c],
      units: Int32Array.from(singles, (s) => s.unit),
      positions: Int32Array.from(singles, (s) => s.position),
      jump,
      others,
      kinds,
    };
    return views[c];
  }

  // The coarse step: the exchange with the least change below nothing.
  coarse(a, b) {
    const { state, width, best, change, offs, difference: d } = this;
    const { isSingle, levelAt, valueAt, moments } = this.plan;
    const from = state.lists[a],
      to = state.lists[b],
      { units, positions, jump, others } = this.view(b),
      n = units.length;
    let first = NOBODY,
      second = NOBODY,
      place = -1; // of the second in its list, once an exchange is found
    this.look(a, b);
    for (let m = 0; m < moments; m++) offs[m] = state.offs[b][m] - state.offs[a][m];
    best.fill(0);
    // Among equals the first in the order of the lists is kept, whatever the order in which they come here.
    const keep = (i, j, position, better) => {
      if (!better && !(place >= 0 && first === i && position < place)) return;
      if (!this.allowed(i, j, a, b)) return;
      best.set(change);
      [first, second, place] = [i, j, position];
    };
    const consider = (i, j, position) => {
      let better = false;
      for (let k = 0; k < width + 2; k++) {
        change[k] =
          k === 0 ? this.size(i, j, a, b) : k <= width ? this.inCriterion(i, j, k - 1) : this.ordered(i, j, a, b);
        if (!better && change[k] > best[k]) return;
        better = better || change[k] < best[k];
      }
      keep(i, j, position, better);
    };
    for (const i of from) {
      if (isSingle[i]) {
        const row = i * width,
          values = i * moments;
        change[0] = 0;
        // Component by component: where one is worse, all who share the levels up to it are passed over.
        next: for (let s = 0; s < n && best[0] === 0;) {
          const j = units[s],
            other = j * width;
          let better = false;
          for (let k = 0; k < width; k++) {
            const one = levelAt[row + k],
              two = levelAt[other + k],
              step = one === two ? 0 : d[one] - d[two] + 2;
            if (!better) {
              if (step > best[k + 1]) {
                s = jump[s * width + k];
                continue next;
              }
              better = step < best[k + 1];
            }
            change[k + 1] = step;
          }
          let sum = 0;
          for (let m = 0; m < moments; m++) {
            const step = valueAt[values + m] - valueAt[j * moments + m];
            sum += step * (offs[m] + step);
          }
          if (better || sum <= best[width + 1]) {
            change[width + 1] = sum;
            keep(i, j, positions[s], better || sum < best[width + 1]);
          }
          s++;
        }
        for (const { unit, position } of others) consider(i, unit, position);
      } else to.forEach((j, position) => consider(i, j, position));
      consider(i, NOBODY, to.length);
    }
    to.forEach((j, position) => consider(NOBODY, j, position));
    if (place >= 0) this.exchange(first, second, a, b);
    return place >= 0;
  }

  // The fine step: one or two exchanges of equal pupils that bring the ordered attributes nearer to each other.
  fine(a, b) {
    const { plan, state } = this,
      { units, moments, kindOf } = plan;
    if (!moments) return false;
    const { kinds } = this.view(b),
      found = [];
    for (const i of state.lists[a]) {
      if (found.length === 256) break;
      let taken = 0;
      for (const j of (kindOf[i] >= 0 && kinds.get(kindOf[i])) || []) {
        if (units[j].values.every((v, m) => v === units[i].values[m])) continue;
        found.push([i, j]);
        if (++taken === 4 || found.length === 256) break;
      }
    }
    const n = found.length,
      steps = Array.from({ length: moments }, (_, m) =>
        Float64Array.from(found, ([i, j]) => units[i].values[m] - units[j].values[m]),
      );
    const worth = new Float64Array(n);
    for (let e = 0; e < n; e++)
      for (let m = 0; m < moments; m++) worth[e] += steps[m][e] * (state.offs[b][m] - state.offs[a][m] + steps[m][e]);
    let least = 0,
      first = null;
    for (let e = 0; e < n; e++) {
      if (worth[e] < least) [least, first] = [worth[e], [e]];
      for (let f = e + 1; f < n; f++) {
        // (d + d')(off + d + d') = d (off + d) + d' (off + d') + 2 d d'
        let both = worth[e] + worth[f];
        for (let m = 0; m < moments; m++) both += 2 * steps[m][e] * steps[m][f];
        if (both < least && found[e][0] !== found[f][0] && found[e][1] !== found[f][1]) [least, first] = [both, [e, f]];
      }
    }
    if (!first) return false;
    for (const e of first) this.exchange(found[e][0], found[e][1], a, b);
    return true;
  }

  // Step 5: rounds until one changes nothing.
  *rounds() {
    const {
      state,
      plan: { classes },
    } = this;
    for (let round = 0, changed = true; changed; round++) {
      changed = false;
      for (let a = 0; a < classes; a++) {
        for (let b = a + 1; b < classes; b++) {
          // Where neither class was changed since a visit that found nothing, there is nothing now.
          const last = this.quiet[a * classes + b];
          if (last && last >= state.changed[a] && last >= state.changed[b]) continue;
          const coarse = this.coarse(a, b),
            fine = this.fine(a, b);
          if (coarse || fine) changed = true;
          else this.quiet[a * classes + b] = state.clock;
        }
        yield { share: 1 - 0.6 ** (round + a / classes) };
      }
    }
  }

  // One visit of a pass of mending: the exchange with the least weighted sum below nothing.
  mend(a, b, last, weights) {
    const {
        state,
        width,
        plan: { levelsOf, isSingle, levelAt },
      } = this,
      d = this.difference;
    this.look(a, b);
    let least = 0,
      first = null;
    const sum = (i, j) => {
      let total = 0;
      for (let k = 0; k <= last; k++) {
        const net = new Map();
        if (i !== NOBODY) for (const [level, count] of levelsOf[k][i]) net.set(level, count);
        if (j !== NOBODY) for (const [level, count] of levelsOf[k][j]) net.set(level, (net.get(level) || 0) - count);
        for (const [level, e] of net) total += weights[level] * e * (d[level] + e);
      }
      return total;
    };
    const consider = (i, j, total) => {
      if (total >= least || this.size(i, j, a, b) > 0 || !this.allowed(i, j, a, b)) return;
      least = total;
      first = [i, j];
    };
    // Two singles bring the sum of what each brings alone, less twice the weights of the levels that they share.
    const arriving = state.lists[b].map((j) => (isSingle[j] ? sum(NOBODY, j) : 0));
    for (const i of state.lists[a]) {
      const leaving = sum(i, NOBODY);
      let most = 0;
      for (let k = 0; k <= last; k++) most += 2 * weights[levelAt[i * width + k]];
      state.lists[b].forEach((j, position) => {
        if (!isSingle[i] || !isSingle[j]) return consider(i, j, sum(i, j));
        let total = leaving + arriving[position];
        if (total - most >= least) return undefined;
        for (let k = 0; k <= last; k++) {
          const level = levelAt[i * width + k];
          if (level === levelAt[j * width + k]) total -= 2 * weights[level];
        }
        return consider(i, j, total);
      });
      consider(i, NOBODY, leaving);
    }
    for (const j of state.lists[b]) consider(NOBODY, j, sum(NOBODY, j));
    if (first) this.exchange(first[0], first[1], a, b);
    return first !== null;
  }

  // Step 6: mending.
  *mending() {
    const { state, plan } = this,
      { classes, criteria, criterionOf, n } = plan,
      given = new Set();
    let passes = Math.min(400, Math.max(3, Math.floor(40_000_000 / n ** 2)));
    for (let last = 0; last < criteria.length; last++) {
      if (state.isLevel(last)) continue;
      const sought = criteria.map((_, k) => k).filter((k) => k <= last && !given.has(k));
      const kept = state.copy(),
        before = state.squares(),
        weights = new Float64Array(plan.levels).fill(1);
      for (; passes > 0 && sought.some((k) => !state.isLevel(k)); passes--) {
        let changed = false;
        for (let a = 0; a < classes; a++) {
          for (let b = a + 1; b < classes; b++) changed = this.mend(a, b, last, weights) || changed;
          yield {};
        }
        if (!changed)
          weights.forEach((_, level) => {
            if (sought.includes(criterionOf[level]) && state.spread(level) > 1) weights[level]++;
          });
      }
      yield* this.rounds();
      if (!less(state.squares(), before)) state.restore(kept);
      if (!state.isLevel(last)) given.add(last);
    }
  }
}

// Step 3: one deal, from only the settled units in classes.
function* deal(settled, stream) {
  const state = settled.copy(),
    { plan } = state,
    { units } = plan;
  const drawn = stream.shuffle(units.map((_, i) => i));
  yield* search(
    state,
    drawn.filter((i) => units[i].bound),
    stream,
  );
  for (const unit of drawn) {
    if (units[unit].settled >= 0 || units[unit].bound) continue;
    let fewest = 0;
    for (let c = 1; c < plan.classes; c++) if (state.pupils[c] < state.pupils[fewest]) fewest = c;
    state.put(unit, fewest);
  }
  for (const unit of drawn) if (units[unit].settled < 0) state.lists[state.classOf[unit]].push(unit);
  const work = new Exchanges(state);
  yield* work.rounds();
  if (!plan.late) yield* work.mending();
  return state;
}

function reportOf(plan, classOf) {
  const { classes, entries, criteria, ordered } = plan;
  const columns = Array.from({ length: classes }, () => []);
  entries.forEach((entry, i) => columns[classOf[i] - 1].push(i));
  const spread = (list) => Math.max(...list) - Math.min(...list),
    sizes = columns.map((c) => c.length);
  const attributes = {};
  for (const { text, labels, of } of criteria) {
    attributes[text] = {};
    labels.forEach((label, level) => {
      const counts = columns.map((column) => column.filter((i) => of[i] === level).length),
        total = counts.reduce((a, b) => a + b, 0);
      attributes[text][label] = { counts, spread: spread(counts), feasible: total % classes === 0 ? 0 : 1 };
    });
  }
  const parts = {};
  for (const { name, values } of ordered) {
    const least = values.reduce((a, b) => Math.min(a, b)),
      sums = [],
      means = [],
      deviations = [];
    for (const column of columns) {
      const x = column.map((i) => BigInt(values[i] - least)),
        pupils = BigInt(Math.max(1, column.length));
      const sum = x.reduce((a, b) => a + b, 0n),
        squares = x.reduce((a, b) => a + b * b, 0n);
      sums.push(column.reduce((total, i) => total + values[i], 0));
      means.push(Number((100n * sum) / pupils));
      deviations.push(Number(root(10_000n * (pupils * squares - sum * sum)) / pupils));
    }
    parts[name] = { sums, mean_spread_hundredths: spread(means), deviation_spread_hundredths: spread(deviations) };
  }
  return { sizes, size_spread: spread(sizes), attributes, ordered: parts };
}

// {result} of a class assignment; yields while it works. Throws Refused where the rules can't be carried out.
export function* classes({ rules, entries }, seed) {
  const plan = planOf(rules, entries),
    stream = new Stream(seed, "classes");
  const numbers = stream.shuffle(Array.from({ length: plan.classes }, (_, i) => i + 1));
  plan.settleBy(numbers);
  const settled = new Classes(plan);
  settle(settled);
  let best = null,
    worth = null;
  const deals = plan.late ? 1 : Math.min(5, Math.max(1, Math.floor(4_000_000 / plan.n ** 2)));
  for (let i = 0; i < deals; i++) {
    let state;
    try {
      state = yield* deal(settled, stream);
    } catch (error) {
      if (i && error instanceof Refused) break; // a later deal whose search finds nothing ends the deals
      throw error;
    }
    const found = [...state.squares(), state.distance()];
    if (best === null || less(found, worth)) [best, worth] = [state, found];
  }
  const classOf = new Int32Array(plan.n); // of entries, by the numbers that are published
  plan.units.forEach((unit, u) => {
    for (const { index } of unit.members) classOf[index] = numbers[best.classOf[u]];
  });
  const rosters = {},
    place = new Map(plan.entries.map((entry, i) => [entry.code, classOf[i]]));
  for (let c = 1; c <= plan.classes; c++) rosters[c] = [];
  for (const { code } of entries) rosters[place.get(code)].push(code);
  return { result: { classes: rosters, report: reportOf(plan, classOf) } };
}
