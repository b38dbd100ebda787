"""Random lists and rules of class assignment, for tests and benchmarks; `feasible` ones are read off a hidden answer."""

from random import Random

ATTRIBUTES = {"balance": ["sex", "origin", "area", "special"], "mean": "age_months"}


def school(n, seed):
    """A list like the issue's: sex, a 4-level and a 12-level attribute, 3 % special needs, ages of one intake year."""
    r = Random(seed)
    return [
        {
            "code": f"P{i:05d}",
            "sex": r.randrange(2),
            "origin": r.choices(range(4), (50, 25, 15, 10))[0],
            "area": r.randrange(12),
            "special": int(r.random() < 0.03),
            "age_months": 71 + r.randrange(12),
        }
        for i in range(n)
    ]


def any_rules(r):
    """A small list with rules of every sort, which may contradict each other."""
    n = r.randint(4, 40)
    k, depth = r.randint(1, min(6, n)), r.randint(0, 4)
    levels = [r.choice([2, 2, 3, 4, 6]) for _ in range(depth)]
    entries = [
        {
            "code": f"P{i:03d}",
            **{f"a{a}": min(r.randrange(m), r.randrange(m)) for a, m in enumerate(levels)},
            "age": r.randrange(12),
            "score": r.randrange(300),
            "name": r.choice([0] * 12 + [1, 2]),
            "special": int(r.random() < 0.15),
        }
        for i in range(n)
    ]
    rules = {"classes": k, "balance": [f"a{a}" for a in range(depth)], "mean": r.choice([[], "age", ["age", "score"]])}
    if depth > 1 and r.random() < 0.4:
        rules["balance"].insert(r.randint(0, depth), r.choice(["a0*a1", "a0*age/2", "age/3"]))
    codes = [e["code"] for e in entries]
    if r.random() < 0.5:
        for g in range(r.randint(1, 3)):
            for entry in r.sample(entries, 2):
                entry["group"] = f"g{g}"
        if r.random() < 0.5 and any(e.get("group") == "g0" for e in entries):
            rules["apart"] = ["g0"]
    if r.random() < 0.3:
        rules["required"] = [r.sample(codes, 2) for _ in range(r.randint(1, 2))]
    if r.random() < 0.4:
        rules["forbidden"] = [r.sample(codes, 2) for _ in range(r.randint(1, 5))]
    if r.random() < 0.4:
        rules["names_apart"] = "name"
    if r.random() < 0.4:
        rules["limit"] = [{"attribute": "special", "level": 1, "most": r.randint(1, 3)}]
    if r.random() < 0.2:
        rules["fixed"] = {code: r.randint(1, k) for code in r.sample(codes, min(n, 3))}
    return entries, rules


def feasible(r):
    """A list of up to 200 with many hard rules that a hidden placement meets."""
    k = r.randint(2, 12)
    n = r.randint(k, min(25 * k, 200))
    where = [i % k for i in range(n)]
    r.shuffle(where)
    entries = [
        {
            "code": f"P{i:03d}",
            "sex": r.randrange(2),
            "age": r.randrange(12),
            "name": 0,
            "special": int(r.random() < 0.15),
        }
        for i in range(n)
    ]
    inside = [[e for e, c in zip(entries, where, strict=True) if c == at] for at in range(k)]
    apart = []
    for c, members in enumerate(inside):
        pool = r.sample(members, len(members))
        for g in range(r.choice([0, 0, 1, 2, 3])):
            size = r.choice([2, 2, 2, 3, 4])
            if len(pool) >= size:
                for _ in range(size):
                    pool.pop()["group"] = f"T{c}.{g}"
    for g in range(r.choice([0, 1, 2])):
        chosen = [r.choice(members) for members in r.sample(inside, r.randint(2, k))]
        if not any("group" in e for e in chosen):
            apart.append(f"A{g}")
            for entry in chosen:
                entry["group"] = f"A{g}"
    for value in range(1, r.choice([1, 2, 4, 6])):
        for members in r.sample(inside, r.randint(2, k)):
            r.choice(members)["name"] = value
    pairs = [r.sample(range(n), 2) for _ in range(r.choice([0, 5, n // 2, 2 * n]))]
    codes = [e["code"] for e in entries]
    rules = {
        "classes": k,
        "balance": ["sex"],
        "mean": "age",
        "apart": apart,
        "required": [[codes[a], codes[b]] for a, b in pairs if where[a] == where[b]][: n // 4],
        "forbidden": [[codes[a], codes[b]] for a, b in pairs if where[a] != where[b]],
        "names_apart": "name",
        "limit": [{"attribute": "special", "level": 1, "most": max(sum(e["special"] for e in m) for m in inside)}],
    }
    if r.random() < 0.3:
        rules["fixed"] = {codes[i]: where[i] + 1 for i in r.sample(range(n), min(n, r.randint(1, 6)))}
    return entries, rules


def broken(entries, rules, placed):
    """The hard rules that `placed` (class by code) does not keep."""
    classes = [[e for e in entries if placed[e["code"]] == c] for c in range(1, rules["classes"] + 1)]
    sizes = [len(c) for c in classes]
    found = ["sizes"] if max(sizes) - min(sizes) > 1 or max(sizes) > rules.get("cap", len(entries)) else []
    groups, names = {}, {}
    for e in entries:
        if e.get("group"):
            groups.setdefault(e["group"], []).append(placed[e["code"]])
        if rules.get("names_apart") and e[rules["names_apart"]]:
            names.setdefault(e[rules["names_apart"]], []).append(placed[e["code"]])
    for group, where in groups.items():
        if len(set(where)) != (len(where) if group in rules.get("apart", []) else 1):
            found.append(f"group {group}")
    found += [f"name {name}" for name, where in names.items() if len(set(where)) < len(where)]
    found += [f"required {a} {b}" for a, b in rules.get("required", []) if placed[a] != placed[b]]
    found += [f"forbidden {a} {b}" for a, b in rules.get("forbidden", []) if placed[a] == placed[b]]
    found += [f"fixed {code}" for code, c in rules.get("fixed", {}).items() if placed[code] != c]
    for limit in rules.get("limit", []):
        if any(sum(e[limit["attribute"]] == limit["level"] for e in c) > limit["most"] for c in classes):
            found.append("limit")
    return found
