"""Class assignment written once more from docs/class-assignment.md alone, slow and plain, to hold the fast one to it."""

from itertools import combinations
from math import isqrt

NOBODY = -1


class NoResult(Exception):
    pass


def assign(entries, rules, stream):
    """Class number by code for the late arrivals and everyone else, or NoResult."""
    return Draw(entries, rules, stream).run()


class Draw:
    def __init__(self, entries, rules, stream):
        self.rules, self.stream, self.k = rules, stream, rules["classes"]
        self.entries = sorted(entries, key=lambda e: e["code"])
        self.n = len(self.entries)
        self.at = {e["code"]: i for i, e in enumerate(self.entries)}
        self.placed = {self.at[c]: v for c, v in rules["placed"].items()} if "placed" in rules else None
        self.levels = [self.criterion(name) for name in rules.get("balance", [])]
        self.make_units()
        self.moments = self.make_moments()

    def values(self, name):
        return [e[name] for e in self.entries]

    def criterion(self, name):
        terms = []
        for term in name.split("*"):
            attribute, _, parts = term.partition("/")
            values = self.values(attribute)
            if parts:
                values = [int(parts) * sum(w < v for w in values) // self.n for v in values]
            terms.append(values)
        cells = list(zip(*terms, strict=True))
        order = sorted(set(cells))
        return [order.index(c) for c in cells]

    def make_units(self):
        there, rules = self.placed or {}, self.rules
        groups = {}
        for i, e in enumerate(self.entries):
            if e.get("group"):
                groups.setdefault(e["group"], []).append(i)
        ties = [g for name, g in groups.items() if name not in rules.get("apart", [])]
        ties += [[self.at[c] for c in pair] for pair in rules.get("required", [])]
        unit = list(range(self.n))
        for tie in ties:
            if all(i in there for i in tie):
                continue
            old = {unit[i] for i in tie}
            unit = [min(old) if u in old else u for u in unit]
        self.units = [[i for i in range(self.n) if unit[i] == u] for u in sorted(set(unit))]
        of = {i: u for u, members in enumerate(self.units) for i in members}
        apart = [pair for name in rules.get("apart", []) for pair in combinations(groups[name], 2)]
        apart += [tuple(self.at[c] for c in pair) for pair in rules.get("forbidden", [])]
        if name := rules.get("names_apart"):
            v = self.values(name)
            apart += [(i, j) for i, j in combinations(range(self.n), 2) if v[i] == v[j] != 0]
        self.enemies = [set() for _ in self.units]
        for i, j in apart:
            if i in there and j in there:
                continue
            if of[i] == of[j]:
                raise NoResult
            self.enemies[of[i]].add(of[j])
            self.enemies[of[j]].add(of[i])
        limits = rules.get("limit", [])
        self.most = [x["most"] for x in limits]
        self.weight = [
            [sum(self.entries[i][x["attribute"]] == x["level"] for i in m) for x in limits] for m in self.units
        ]
        homes = [set() for _ in self.units]
        for i, number in there.items():
            homes[of[i]].add(number)
        for code, number in rules.get("fixed", {}).items():
            if self.at[code] not in there:
                homes[of[self.at[code]]].add(number)
        if any(len(h) > 1 for h in homes):
            raise NoResult
        self.home = [next(iter(h), None) for h in homes]
        self.bound = [
            self.home[u] is None and (len(m) > 1 or bool(self.enemies[u]) or any(self.weight[u]))
            for u, m in enumerate(self.units)
        ]

    def make_moments(self):
        names = self.rules.get("mean", [])
        names = [names] if isinstance(names, str) else names
        room = -(-self.n // self.k) if self.placed is None else min(self.n, self.rules.get("cap", self.n))
        for power in range(13, -1, -1):
            moments = []
            for k, name in enumerate(names):
                x = [v - min(self.values(name)) for v in self.values(name)]
                m = (2 * sum(x) + self.n) // (2 * self.n)
                for y in (x, [(v - m) ** 2 for v in x]):
                    spread = self.n * sum(v * v for v in y) - sum(y) ** 2
                    if spread:
                        s = max(1, isqrt((2**power // 2**k) ** 2 * self.n**2 // spread))
                        moments.append([s * v - s * sum(y) // self.n for v in y])
            peak = max((abs(v) for y in moments for v in y), default=0)
            if 64 * len(names) * max(map(len, self.units)) * room * peak**2 < 2**53:
                return moments
        raise NoResult

    # what follows from who is where

    def put(self, u, c):
        old = self.where[u]
        for target, sign in ((old, -1), (c, 1)):
            if target is not None:
                self.size[target] += sign * len(self.units[u])
                for i in self.units[u]:
                    for a, levels in enumerate(self.levels):
                        self.count[a][levels[i]][target] += sign
                    for t, y in enumerate(self.moments):
                        self.off[t][target] += sign * y[i]
                for l, w in enumerate(self.weight[u]):
                    self.load[l][target] += sign * w
        self.where[u] = c

    def clear(self):
        self.where = [None] * len(self.units)
        self.size = [0] * self.k
        self.count = [[[0] * self.k for _ in range(max(levels) + 1)] for levels in self.levels]
        self.off = [[0] * self.k for _ in self.moments]
        self.load = [[0] * self.k for _ in self.most]

    def fits(self, u, c):
        after = self.size[c] + len(self.units[u])
        if self.placed is None:
            q = self.n // self.k
            larger = sum(s > q for s in self.size)
            if after > q and not (after == q + 1 and larger < self.n % self.k):
                return False
        elif after > self.rules.get("cap", self.n):
            return False
        if any(self.where[e] == c for e in self.enemies[u]):
            return False
        return all(not w or self.load[l][c] + w <= self.most[l] for l, w in enumerate(self.weight[u]))

    def run(self):
        numbers = list(range(1, self.k + 1))
        self.stream.shuffle(numbers)
        self.numbers = numbers
        if self.placed is not None and "cap" in self.rules:
            there = list(self.placed.values())
            free = sum(max(0, self.rules["cap"] - there.count(c)) for c in numbers)
            if self.n - len(there) > free:
                raise NoResult
        deals = 1 if self.placed is not None else min(5, max(1, 4_000_000 // self.n**2))
        best = None
        for _ in range(deals):
            self.deal()
            merit = [*self.squares(), sum(abs(v) for row in self.off for v in row)]
            if best is None or merit < best[0]:
                best = merit, list(self.where)
        if best is None:
            raise NoResult
        return {self.entries[i]["code"]: numbers[best[1][u]] for u, m in enumerate(self.units) for i in m}

    def settle(self):
        self.clear()
        late = [any(i not in (self.placed or {}) for i in m) for m in self.units]
        for now in (False, True):
            for u, number in enumerate(self.home):
                if number is not None and late[u] is now:
                    c = self.numbers.index(number)
                    if now and not self.fits(u, c):
                        raise NoResult
                    self.put(u, c)

    def deal(self):
        self.settle()
        order = list(range(len(self.units)))
        self.stream.shuffle(order)
        self.search([u for u in order if self.bound[u]])
        for u in order:
            if self.where[u] is None:
                self.put(u, self.size.index(min(self.size)))
        self.lists = [[u for u in order if self.where[u] == c and self.home[u] is None] for c in range(self.k)]
        self.rounds()
        if self.placed is None:
            self.mend()

    def search(self, todo):
        for attempt in range(50):
            if attempt:
                self.stream.shuffle(todo)
            start = {u: self.stream.below(self.k) for u in todo}
            self.tries, self.sorted = 200 + 10 * len(todo), attempt % 2 == 1 or self.placed is not None
            try:
                if self.descend(todo, start):
                    return
                raise NoResult
            except TimeoutError:
                for u in todo:
                    self.put(u, None)
        raise NoResult

    def descend(self, todo, start):
        waiting = [u for u in todo if self.where[u] is None]
        if not waiting:
            return True
        u = min(
            waiting,
            key=lambda u: (sum(self.fits(u, c) for c in range(self.k)), -len(self.units[u]), -len(self.enemies[u])),
        )
        options, empty = [], False
        for step in range(self.k):
            c = (start[u] + step) % self.k
            if self.fits(u, c) and not (empty and self.size[c] == 0):
                options.append(c)
                empty = empty or self.size[c] == 0
        if self.sorted:
            options.sort(key=lambda c: self.size[c])
        for c in options:
            if self.tries == 0:
                raise TimeoutError
            self.tries -= 1
            self.put(u, c)
            if self.descend(todo, start):
                return True
            self.put(u, None)
        return False

    def members(self, u):
        return [] if u == NOBODY else self.units[u]

    def net(self, i, j, a):
        found = {}
        for u, sign in ((i, 1), (j, -1)):
            for m in self.members(u):
                found[self.levels[a][m]] = found.get(self.levels[a][m], 0) + sign
        return found

    def change(self, i, j, a, b):
        e = len(self.members(i)) - len(self.members(j))
        change = [e * (self.size[b] - self.size[a] + e)]
        for c in range(len(self.levels)):
            change.append(
                sum(e * (self.count[c][l][b] - self.count[c][l][a] + e) for l, e in self.net(i, j, c).items())
            )
        d = [sum(y[m] for m in self.members(i)) - sum(y[m] for m in self.members(j)) for y in self.moments]
        change.append(sum(d * (off[b] - off[a] + d) for d, off in zip(d, self.off, strict=True)))
        return change

    def allowed(self, i, j, a, b):
        for u, other, c in ((i, j, b), (j, i, a)):
            if u != NOBODY and any(self.where[e] == c and e != other for e in self.enemies[u]):
                return False
        for l, most in enumerate(self.most):
            gain = (self.weight[i][l] if i != NOBODY else 0) - (self.weight[j][l] if j != NOBODY else 0)
            if (gain > 0 and self.load[l][b] + gain > most) or (gain < 0 and self.load[l][a] - gain > most):
                return False
        return True

    def candidates(self, a, b):
        for i in [*self.lists[a], NOBODY]:
            for j in [*self.lists[b], *([] if i == NOBODY else [NOBODY])]:
                yield i, j

    def make(self, i, j, a, b):
        one, two = self.lists[a], self.lists[b]
        if i != NOBODY and j != NOBODY:
            p, q = one.index(i), two.index(j)
            one[p], two[q] = j, i
        elif i != NOBODY:
            one.remove(i)
            two.append(i)
        else:
            two.remove(j)
            one.append(j)
        for u, c in ((i, b), (j, a)):
            if u != NOBODY:
                self.put(u, c)

    def rounds(self):
        moved = True
        while moved:
            moved = False
            for a, b in combinations(range(self.k), 2):
                coarse = self.coarse(a, b)
                moved = self.fine(a, b) or coarse or moved

    def coarse(self, a, b):
        best, pick = [0] * (len(self.levels) + 2), None
        for i, j in self.candidates(a, b):
            change = self.change(i, j, a, b)
            if change < best and self.allowed(i, j, a, b):
                best, pick = change, (i, j)
        if pick:
            self.make(*pick, a, b)
        return bool(pick)

    def kind(self, u):
        return [levels[self.units[u][0]] for levels in self.levels], self.weight[u]

    def fine(self, a, b):
        free = [[u for u in self.lists[c] if len(self.units[u]) == 1 and not self.enemies[u]] for c in (a, b)]
        found = []
        for i in free[0]:
            near = 0
            for j in free[1]:
                d = [y[self.units[i][0]] - y[self.units[j][0]] for y in self.moments]
                if near < 4 and len(found) < 256 and any(d) and self.kind(i) == self.kind(j):
                    found.append((i, j, d))
                    near += 1
        best, pick = 0, None
        for e, one in enumerate(found):
            for two in [None, *found[e + 1 :]]:
                if two and (one[0] == two[0] or one[1] == two[1]):
                    continue
                d = [x + y for x, y in zip(one[2], two[2], strict=True)] if two else one[2]
                worth = sum(x * (off[b] - off[a] + x) for x, off in zip(d, self.off, strict=True))
                if worth < best:
                    best, pick = worth, (one, two)
        for exchange in pick or ():
            if exchange:
                self.make(exchange[0], exchange[1], a, b)
        return bool(pick)

    def uneven(self, a):
        return [l for l, row in enumerate(self.count[a]) if max(row) - min(row) > 1]

    def level(self, a):
        return not self.uneven(a)

    def squares(self):
        return [sum(v * v for row in rows for v in row) for rows in self.count]

    def mend(self):
        passes, given_up = min(400, max(3, 40_000_000 // self.n**2)), set()
        for a in range(len(self.levels)):
            if self.level(a):
                continue
            sought = [c for c in range(a + 1) if c not in given_up]
            saved = list(self.where), [list(x) for x in self.lists], self.squares()
            weight = [[1] * len(rows) for rows in self.count]
            while passes and not all(self.level(c) for c in sought):
                passes -= 1
                if not self.mending_pass(a, weight):
                    for c in sought:
                        for l in self.uneven(c):
                            weight[c][l] += 1
            self.rounds()
            if self.squares() >= saved[2]:
                for u, c in enumerate(saved[0]):
                    self.put(u, c)
                self.lists = saved[1]
            if not self.level(a):
                given_up.add(a)

    def mending_pass(self, upto, weight):
        moved = False
        for a, b in combinations(range(self.k), 2):
            best, pick = 0, None
            for i, j in self.candidates(a, b):
                e = len(self.members(i)) - len(self.members(j))
                if e * (self.size[b] - self.size[a] + e) > 0:
                    continue
                worth = sum(
                    weight[c][l] * e * (self.count[c][l][b] - self.count[c][l][a] + e)
                    for c in range(upto + 1)
                    for l, e in self.net(i, j, c).items()
                )
                if worth < best and self.allowed(i, j, a, b):
                    best, pick = worth, (i, j)
            if pick:
                self.make(*pick, a, b)
                moved = True
        return moved
