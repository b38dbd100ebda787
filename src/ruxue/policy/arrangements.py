"""A policy's arrangements: what they mean for the seats, and all of them in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ruxue.policy.language import Category, Policy, SeatLockRule
from ruxue.policy.words import Words, pick

_STAGES = {
    "primary": ("小学", "primary school"),
    "junior": ("初中", "junior school"),
    "nine_year": ("九年一贯制", "a nine-year school"),
}
_BY = {
    "choice_first": ("先看志愿，再看排位", "choice first, then rank"),
    "rank_first": ("按排位依次看全部志愿", "by rank over all choices"),
}
_EXEMPT = {
    "same_parents": ("同一父母的子女", "children of the same parents"),
    "public_rental": ("公租房", "public rental housing"),
}
_RELEASED = {
    "graduated": ("毕业", "graduation"),
    "transferred_out": ("转学到区外", "transfer out of the district"),
    "transferred_within": ("在区内转学", "transfer within the district"),
    "not_gone_up": ("没有升入本校初中部", "not going up to the school's junior part"),
}

LIST_LENGTH = 6
"""How many schools a family may list where the rule has no preference rounds."""


@dataclass(frozen=True)
class Stage:
    """One run of admission in the order of the rule.

    `kind`: "all", the only one of a rule without preference rounds; else "zone" for the categories that no preference
    round is for, "preference" for `categories`, and at last "rest", which coordinates whoever waits. `number` counts
    from 0; `choices`: how many schools of a list count; `choice_first`: first choices come before second ones.
    """

    kind: Literal["all", "zone", "preference", "rest"]
    number: int
    categories: frozenset[str] | None = None
    choices: int = LIST_LENGTH
    choice_first: bool = False
    zh: str = ""
    en: str = ""

    @property
    def coordinates(self) -> bool:
        """Whether who finds no seat by right is coordinated in this run."""
        return self.kind in ("all", "rest")


def stages(policy: Policy) -> list[Stage]:
    """The runs of admission that the rule orders; the last one may be repeated, with seats that become free."""
    if not policy.rounds:
        return [Stage("all", 0)]
    named = {code for r in policy.rounds for code in r.categories}
    others = frozenset(c.code for c in policy.categories if c.code not in named)
    found = [Stage("zone", 0, others)]
    for r in policy.rounds:
        for again in range(r.repeat or 1):
            which = f"（{again + 1}/{r.repeat}）" if r.repeat and r.repeat > 1 else ""
            found.append(
                Stage(
                    "preference",
                    len(found),
                    frozenset(r.categories),
                    r.choices,
                    r.by == "choice_first",
                    r.title.zh + which,
                    r.title.en + which.replace("（", " (").replace("）", ")"),
                )
            )
    return [*found, Stage("rest", len(found))]


def reserved(policy: Policy, plan: int) -> dict[str, int]:
    """Seats of a school's plan that are set aside, by category, never more than the plan in all."""
    found: dict[str, int] = {}
    for quota in policy.quotas or ():
        size = quota.seats if quota.seats is not None else plan * (quota.share or 0) // 10_000
        found[quota.category] = found.get(quota.category, 0) + min(size, plan - sum(found.values()))
    return found


def loser_last(policy: Policy) -> bool:
    """Whether who asks for a private school first and isn't drawn goes last in its category (同类靠后)."""
    return any("child.lost_private_draw" in penalty.when.facts() for penalty in policy.last_in_category or ())


def of_category(policy: Policy, category: Category, words: Words) -> list[str]:
    """What the rule says of a category besides its grounds and papers."""
    zh, said = words.zh, []
    titles = {c.code: pick(c.title, words.lang) for c in policy.categories}
    if category.fallback:
        proof, to = words.say(category.fallback.proof), titles[category.fallback.to]
        said.append(f"须证明{proof}，否则按“{to}”对待" if zh else f"must prove that {proof}; otherwise treated as {to}")
    if category.order is not None:
        order = "；".join(words.order(o) for o in category.order) if zh else "; ".join(map(words.order, category.order))
        said.append(f"本类排序：{order or '不分先后'}" if zh else f"its own order: {order or 'none'}")
    if category.straddle == "lottery":
        said.append(
            "学位不够本类全部孩子时，在本类内电脑派位" if zh else "where seats end inside it, a draw within it decides"
        )
    elif category.straddle == "order":
        said.append("学位不够本类全部孩子时，按本类排序" if zh else "where seats end inside it, its order decides")
    return said


def _lock(rule: SeatLockRule, words: Words) -> str:
    zh, i = words.zh, 0 if words.zh else 1
    if rule.years:
        spans = words.join(
            [f"{_STAGES[s][i]}{n}年" if zh else f"{_STAGES[s][i]} {n} years" for s, n in rule.years.items()]
        )
        said = f"一套住房的学位锁定：{spans}" if zh else f"one home serves one family: {spans}"
    else:
        said = "一套住房的学位锁定到解除为止" if zh else "one home serves one family until the lock is released"
    if rule.since is not None:
        said += f"，自{rule.since}年入学起" if zh else f", from entries of {rule.since}"
    if rule.exempt:
        names = words.join([_EXEMPT[e][i] for e in rule.exempt])
        said += f"；{names}除外" if zh else f"; not for {names}"
    if rule.released_by:
        names = words.join([_RELEASED[r][i] for r in rule.released_by])
        said += f"；以下情况解除：{names}" if zh else f"; released by {names}"
    if rule.scope == "school":
        said += "；只看同一学校" if zh else "; only seats of the same school count"
    if rule.years:
        blocks = rule.last_year_blocks
        said += (
            f"；到期当年{'不' if blocks else ''}可申请"
            if zh
            else f"; the year in which it ends {'still blocks' if blocks else 'is free'}"
        )
    return said


def of_policy(policy: Policy, words: Words) -> list[str]:
    """What holds for the whole rule, one sentence each."""
    zh, lang = words.zh, words.lang
    titles = {c.code: pick(c.title, lang) for c in policy.categories}
    said: list[str] = []
    if policy.historical:
        said.append(
            "历史版本，只用于重演，不能发布" if zh else "a historical version: it can be replayed, not published"
        )
    if policy.schools:
        said.append(("只适用于：" if zh else "only for ") + words.join(policy.schools))
    for name, value in policy.parameters.items():
        if isinstance(value, list) and name in (policy.regions or {}):
            regions = words.join([words.region(str(key)) for key in value])
            said.append(f"{words.region(name)}：{regions}" if zh else f"{words.region(name)}: {regions}")
    if policy.ranking:
        said.append("各类一起按总积分排序" if zh else "all categories are ranked together by total points")
    for veto in policy.veto or ():
        where = (
            words.join([titles[code] for code in veto.blocks]) if veto.blocks else ("各类" if zh else "every category")
        )
        when = words.say(veto.when)
        said.append(f"{when}的，不能进入{where}" if zh else f"shut out of {where} if {when}")
    for last in policy.last_in_category or ():
        when = words.say(last.when)
        said.append(f"{when}的，排在本类末尾" if zh else f"at the end of its category if {when}")
    if policy.seat_lock:
        said.append(_lock(policy.seat_lock, words))
    for quota in policy.quotas or ():
        size = (
            (f"{quota.seats}个学位" if zh else f"{quota.seats} seats")
            if quota.seats is not None
            else words.number(quota.share or 0, "share")
        )
        said.append(
            f"{titles[quota.category]}的名额：{size}" if zh else f"set aside for {titles[quota.category]}: {size}"
        )
    for feeder in policy.feeders or ():
        text = (
            f"{feeder.primary}的毕业生直升{feeder.junior}"
            if zh
            else f"graduates of {feeder.primary} go up to {feeder.junior}"
        )
        said.append(text + (("，可以放弃" if zh else ", and may decline") if feeder.opt_out else ""))
    for buffer in policy.buffers or ():
        title, category = pick(buffer.title, lang), titles[buffer.category]
        said.append(
            f"{title}满足本片区后的余位，给缓冲区内符合“{category}”的孩子"
            if zh
            else f"seats that {title} has left after its own zone go to buffer-zone children of {category}"
        )
    for r in policy.rounds or ():
        title, who = pick(r.title, lang), words.join([titles[c] for c in r.categories])
        times = r.repeat or 1
        by = _BY[r.by][0 if zh else 1]
        said.append(
            f"{title}（{who}）：{times}轮，每轮{r.choices}个志愿，{by}"
            if zh
            else f"{title} ({who}): {times} round{'s' if times > 1 else ''} of {r.choices} choices, {by}"
        )
    if policy.siblings:
        said.append("兄弟姐妹安排在同一学校" if zh else "siblings are placed together")
    if policy.multiples:
        said.append("双胞胎、多胞胎绑定安排" if zh else "twins and multiples are placed as one")
    if policy.late:
        said.append("逾期报名的，只安排剩余学位" if zh else "who applies late gets only seats that are left")
    if policy.ties:
        said.append("排序仍相同的，电脑派位" if zh else "what is still equal is drawn by lot")
    if policy.confidence_at_least is not None:
        least = policy.confidence_at_least
        said.append(f"可信度低于{least}%的信息要核实" if zh else f"facts less sure than {least}% are to be confirmed")
    return said
