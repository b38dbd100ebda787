// All words of the verifier's page in both languages, and where in a bundle a pointer leads, told to a parent.
const FIELDS = {
  zh: {
    seats: "名额",
    group_boundary: "多胞胎遇到名额不足时的办法",
    mode: "摇号方式",
    quotas: "各类别名额",
    choices: "志愿",
    tickets: "签号办法",
    classes: "班数",
    cap: "每班人数上限",
    balance: "要均衡的项目",
    mean: "要均衡的平均值",
    placed: "已分好的学生",
    title: "标题",
    id: "编号",
    kind: "种类",
    protocol: "办法的名称",
    algorithm: "程序版本",
    beacon: "公共随机数的来源",
    witnesses: "见证人名单",
    entries: "名单",
    rules: "规则",
    together: "同班的组",
    apart: "分开的组",
    required: "必须同班的人",
    forbidden: "不得同班的人",
    sex: "性别",
    age_months: "月龄",
    group: "多胞胎组",
    code: "编号",
    time: "时间",
    value: "承诺",
    secret: "秘密",
    witness: "见证人",
    admitted: "录取名单",
    excess: "超出名额的人数",
    order: "排队次序",
    report: "均衡报告",
    teams: "教师团队的班级",
    start: "起始号",
    interval: "间隔数",
  },
  en: {
    seats: "the number of seats",
    group_boundary: "what happens to twins at the last seat",
    mode: "the mode of the lottery",
    quotas: "seats by category",
    choices: "the choices",
    tickets: "the kind of tickets",
    classes: "the number of classes",
    cap: "the limit of a class",
    balance: "what is balanced",
    mean: "the mean that is balanced",
    placed: "who was placed before",
    title: "the title",
    id: "the number",
    kind: "the kind",
    protocol: "the name of the protocol",
    algorithm: "the program's version",
    beacon: "the source of the public number",
    witnesses: "the list of witnesses",
    entries: "the list",
    rules: "the rules",
    together: "groups kept together",
    apart: "groups kept apart",
    required: "pairs who must be together",
    forbidden: "pairs who must be apart",
    sex: "sex",
    age_months: "age in months",
    group: "the group",
    code: "the code",
    time: "the time",
    value: "the commitment",
    secret: "the secret",
    witness: "the witness",
    admitted: "the list of those admitted",
    excess: "the number over the plan",
    order: "the order",
    report: "the report on balance",
    teams: "the classes of the teams",
    start: "the first number",
    interval: "the interval",
  },
};

export const WORDS = {
  zh: {
    brand: "入学 · 公开核验",
    title: "核验抽签与分班",
    lead: "本页在您自己的手机或电脑上，把公布的抽签从头再算一遍。它不联网：保存到手机后，关掉网络也能用。",
    other: "English",
    larger: "大字",
    skip: "跳到正文",
    open: "打开公布的文件",
    openHint: "在学校或区里的抽签页面下载核验文件（以 .json 结尾），再在这里选中它。",
    choose: "选择文件",
    paste: "也可以把文件内容粘贴在这里",
    pasteLabel: "文件的全部内容",
    check: "开始核验",
    save: "把本页存到手机",
    again: "核验另一个文件",
    carried: "本页自带一份公布的文件，已自动开始核验。",
    unreadable: "这个文件读不出来，请重新选择。",
    working: "正在核验",
    steps: "核验的每一步",
    yes: "一致",
    no: "不一致",
    skipped: "未核验",
    details: "看数字",
    allGood: "全部一致",
    allGoodText: (title) =>
      `“${title}”的结果，正是名单、规则和见证人的秘密所决定的结果。没有人挑选过，公布后也没有改动。`,
    took: (seconds) => `在您的设备上算了 ${seconds} 秒。`,
    soon: "还没有写入公开日志",
    soonText: "其余各步都一致。刚抽完的签要过一两分钟才写入公开日志，请稍后重新下载文件再核验。",
    bad: "发现不一致",
    badText:
      "这份文件不是原来公布的那份，或者公布的结果不对。请重新下载一次；如果还是这样，请把这一页给学校或区教体局看。",
    where: "第一处不同",
    place: "位置",
    published: "公布的是",
    found: "算出来是",
    nothing: "没有",
    whole: "整个文件",
    find: "找到您的孩子",
    findHint: "输入回执上的编号。",
    code: "编号",
    look: "查找",
    notIn: (code) =>
      `名单里没有编号“${code}”。请对照回执再看一遍；如果没有写错，请马上联系学校：抽签前公布的名单里就应当有它。`,
    inClass: (n) => `在 ${n} 班`,
    classmates: (n) => `同班的 ${n} 个编号`,
    withGroup: (codes) => `与 ${codes} 作为一组抽签`,
    keptTogether: (codes) => `同一多胞胎组：${codes}`,
    got: "录取",
    gotAt: (name) => `录取：${name}`,
    notGot: "没有录取",
    rank: (n, all) => `第 ${n} 位，共 ${all} 位`,
    rankIn: (round, n, all) => `第 ${round} 志愿：第 ${n} 位，共 ${all} 位`,
    ticket: "签号",
    number: (n) => `名单里的第 ${n} 号`,
    drawnAs: (n) => `第 ${n} 个被抽中`,
    noPart: "没有填志愿，未参加摇号",
    lateOne: "补录学生",
    stays: "原来就在这个班，没有挪动",
    notFits: "轮到这一组时，剩下的名额不够一组人",
    seatsGone: "轮到之前名额已满",
    result: "结果",
    rosters: "各班编号",
    class: (n) => `${n} 班`,
    pupils: (n) => `${n} 人`,
    team: "教师团队",
    classColumn: "班级",
    queue: "排队次序和签号",
    admittedCount: (n) => `录取 ${n} 人`,
    unit: "编号或组",
    limits: "这一页能证明什么",
    limitsText: [
      "能证明：结果只由事先公布的名单、规则和见证人各自的秘密决定；公布以后没有改过一个字。",
      "不能证明：名单本身对不对。请用回执上的编号确认您的孩子在名单里。",
      "见证人的秘密在他们自己的手机上产生；只要有一位见证人没有与别人串通，就没有人能事先知道或挑选结果。",
      "页面里的程序不能联网：浏览器按页面自带的规定禁止了一切网络请求。",
    ],
    step: {
      form: ["文件完整", "没有缺少、重复或多余的内容，写法也是公布时的唯一写法。"],
      manifest: [
        "名单和规则",
        (v) => `名单有 ${v.entries} 条。名单和规则合在一起的指纹如下，改动任何一个字，指纹都会变。`,
      ],
      commitments: [
        "见证人",
        (v) => `${v.witnesses} 位见证人先对这份名单和规则作出承诺，全部承诺之后才公开秘密；每个秘密都与承诺一致。`,
      ],
      seed: ["种子", "所有见证人的秘密合成一个种子，抽签的全部偶然都来自它。"],
      result: ["结果", "用种子重新抽签，得到的结果与公布的逐个相同。"],
      ledger: [
        "公开日志",
        (v) =>
          `这份文件的指纹记在公开日志第 ${v.index} 条，日志的签名成立。${v.known ? "签名用的公钥，就是保存本页时网站公布的公钥。" : "请把下面的公钥与网站“公开日志”页上的公钥对照。"}`,
      ],
    },
    wrong: {
      form: (v) =>
        ({
          missing: "这里缺少内容。",
          unknown: "这里有不该有的内容。",
          kind: "这里的内容种类不对。",
          unsorted: "这里的次序不对。",
          twice: "同一个名称出现了两次。",
          syntax: "从这里起读不下去，文件可能被截断或改动过。",
          spelling: "这里的写法不是公布时的写法。",
          number: "这里的数不是规定范围内的整数。",
          surrogate: "这里有半个字符。",
          utf8: "这里的字节不是文字。",
        })[v.what],
      commitments: (v) =>
        v.what === "witness"
          ? "承诺的见证人与名单上的不一样。"
          : `${v.role}承诺的不是这份名单、规则和秘密：其中有一样在承诺之后改过。`,
      reveals: () => "公开秘密的见证人与名单上的不一样。",
      time: (v) => `${v.role}在全部承诺之前就公开了秘密。`,
      beacon: () => "规则里写了公共随机数而文件没有，或者相反。",
      seed: () => "种子不是这些秘密合成的。",
      rules: () => "这条规则无法执行，或者这种抽签没有这条规则。",
      result: () => "重新抽签得到的结果与公布的不同。",
      ledger: (v) =>
        ({
          other: "公开日志里记的不是这份文件：文件在写入日志之后改过。",
          signature: "日志的签名与它的大小、根和公钥不符。",
          proof: "证明不能从这条记录通到日志的根。",
        })[v.what],
      ledger_missing: () => "文件里没有公开日志的证明。",
      key: () => "签名用的公钥，不是保存本页时网站公布的公钥。",
    },
    digest: "名单和规则的指纹",
    seed: "种子",
    beacon: "公共随机数",
    root: "日志的根",
    key: "日志的公钥",
    role: "见证人",
    commitment: "承诺",
    secret: "秘密",
    of: (role, what) => `${role}的${what}`,
    entry: (n, code) => `名单第 ${n} 条${code ? `（编号 ${code}）` : ""}`,
    rule: (name) => `规则里的“${name}”`,
    listed: (n) => `第 ${n} 个`,
    log: "公开日志的部分",
    roster: (n) => `${n} 班名单`,
    join: "的",
    fields: FIELDS.zh,
  },
  en: {
    brand: "School enrollment",
    title: "Check a draw",
    lead: "This page computes a published draw again, from the beginning, on your own phone or computer. It uses no network: once saved, it works offline.",
    other: "中文",
    larger: "Larger letters",
    skip: "Skip to the content",
    open: "Open the published file",
    openHint:
      "Download the file of the draw (it ends in .json) from the school's or the district's page of the draw, then choose it here.",
    choose: "Choose a file",
    paste: "Or paste what is in the file",
    pasteLabel: "All of the file's text",
    check: "Check it",
    save: "Save this page on my phone",
    again: "Check another file",
    carried: "This page carries a published file; checking it has begun.",
    unreadable: "This file can't be read. Please choose it again.",
    working: "Checking",
    steps: "Every step",
    yes: "agrees",
    no: "differs",
    skipped: "not checked",
    details: "The figures",
    allGood: "All of it agrees",
    allGoodText: (title) =>
      `The result of “${title}” is the one that the list, the rules and the witnesses' secrets determine. Nobody chose it, and nothing was changed after it was published.`,
    took: (seconds) => `Computed on your device in ${seconds} seconds.`,
    soon: "Not yet in the public log",
    soonText:
      "Everything else agrees. A fresh draw enters the public log after a minute or two: please download the file again then.",
    bad: "Something differs",
    badText:
      "This file is not the one that was published, or the published result is wrong. Please download it once more; if it is the same, show this page to the school or the district.",
    where: "The first thing that differs",
    place: "Place",
    published: "Published",
    found: "Computed",
    nothing: "nothing",
    whole: "the whole file",
    find: "Find your child",
    findHint: "Type the code on your receipt.",
    code: "Code",
    look: "Find",
    notIn: (code) =>
      `The code “${code}” is not in the list. Please compare it with your receipt; if it is right, call the school at once: it had to stand in the list that was published before the draw.`,
    inClass: (n) => `In class ${n}`,
    classmates: (n) => `${n} codes in the same class`,
    withGroup: (codes) => `Drawn as one with ${codes}`,
    keptTogether: (codes) => `In one group with ${codes}`,
    got: "Admitted",
    gotAt: (name) => `Admitted: ${name}`,
    notGot: "Not admitted",
    rank: (n, all) => `Rank ${n} of ${all}`,
    rankIn: (round, n, all) => `Choice ${round}: rank ${n} of ${all}`,
    ticket: "Ticket",
    number: (n) => `Number ${n} in the list`,
    drawnAs: (n) => `Drawn as number ${n}`,
    noPart: "Without a choice, so not in the draw",
    lateOne: "A late arrival",
    stays: "Was in this class before, and was not moved",
    notFits: "When this group's turn came, fewer seats were left than it has members",
    seatsGone: "The seats were gone before",
    result: "The result",
    rosters: "Codes by class",
    class: (n) => `Class ${n}`,
    pupils: (n) => `${n} pupils`,
    team: "Team",
    classColumn: "Class",
    queue: "Ranks and tickets",
    admittedCount: (n) => `${n} admitted`,
    unit: "Code or group",
    limits: "What this page proves",
    limitsText: [
      "It proves that the result follows from nothing but the list and the rules that were published before, and the witnesses' own secrets; and that not one letter was changed since.",
      "It can't prove that the list itself is right. Look for your child by the code on your receipt.",
      "The witnesses' secrets are made on their own phones. As long as one witness plots with nobody, nobody can know or choose the result beforehand.",
      "The program in this page can't use a network: the page's own policy makes the browser refuse every request.",
    ],
    step: {
      form: [
        "The file is whole",
        "Nothing is missing, doubled or added, and it is written in the one way in which it was published.",
      ],
      manifest: [
        "List and rules",
        (v) =>
          `The list has ${v.entries} entries. Below is the fingerprint of the list with its rules; changing a single letter changes it.`,
      ],
      commitments: [
        "Witnesses",
        (v) =>
          `${v.witnesses} witnesses committed to this list and these rules first, and revealed their secrets only when all had; every secret fits.`,
      ],
      seed: ["Seed", "The witnesses' secrets together make the seed, from which all chance of the draw comes."],
      result: ["Result", "Drawn again with the seed, the result is the published one, entry by entry."],
      ledger: [
        "Public log",
        (v) =>
          `The fingerprint of this file is entry ${v.index} of the public log, whose signature holds. ${v.known ? "It was made with the key that the site showed when this page was saved." : "Please compare the key below with the one on the site's page “Public log”."}`,
      ],
    },
    wrong: {
      form: (v) =>
        ({
          missing: "Something is missing here.",
          unknown: "Something is here that does not belong.",
          kind: "What stands here is of the wrong kind.",
          unsorted: "The order is wrong here.",
          twice: "A name is given twice.",
          syntax: "The file can't be read from here on: it may have been cut off or changed.",
          spelling: "This is not spelled as it was published.",
          number: "This is not a whole number of the allowed size.",
          surrogate: "There is half a character here.",
          utf8: "These bytes are no text.",
        })[v.what],
      commitments: (v) =>
        v.what === "witness"
          ? "The witnesses who committed are not those of the list."
          : `${v.role} did not commit to this list, these rules and this secret: one of them was changed afterwards.`,
      reveals: () => "The witnesses who revealed are not those of the list.",
      time: (v) => `${v.role} revealed a secret before all had committed.`,
      beacon: () => "The rules name a public number that the file lacks, or the other way round.",
      seed: () => "The seed is not the one that these secrets make.",
      rules: () => "This rule can't be carried out, or draws of this kind have no such rule.",
      result: () => "Drawn again, the result differs from the published one.",
      ledger: (v) =>
        ({
          other: "The public log's entry is not about this file: the file was changed after it was logged.",
          signature: "The log's signature does not fit its size, root and key.",
          proof: "The proof does not lead from the entry to the log's root.",
        })[v.what],
      ledger_missing: () => "The file has no proof from the public log.",
      key: () => "The log's key is not the one that the site showed when this page was saved.",
    },
    digest: "Fingerprint of list and rules",
    seed: "Seed",
    beacon: "Public number",
    root: "Root of the log",
    key: "Key of the log",
    role: "Witness",
    commitment: "Commitment",
    secret: "Secret",
    of: (role, what) => `${what} of ${role}`,
    entry: (n, code) => `entry ${n} of the list${code ? ` (code ${code})` : ""}`,
    rule: (name) => `the rule “${name}”`,
    listed: (n) => `number ${n}`,
    log: "the part of the public log",
    roster: (n) => `the list of class ${n}`,
    join: " · ",
    fields: FIELDS.en,
  },
};

// "/commitments/0/time" -> "the time of the parents' representative".
export function placeWords(field, bundle, words) {
  const [part, one, two, three] = field.split("/").slice(1);
  const name = (key) => words.fields[key] || key;
  const witness = (i) =>
    (bundle && bundle.manifest && bundle.manifest.witnesses[i] && bundle.manifest.witnesses[i].role) ||
    words.listed(Number(i) + 1);
  if (!part) return words.whole;
  if (part === "manifest") {
    if (one === "rules") return two ? words.rule(name(two)) : name("rules");
    if (one === "entries" && two !== undefined) {
      const entry = bundle && bundle.manifest.entries[two],
        place = words.entry(Number(two) + 1, entry && entry.code);
      return three && three !== "code" ? `${place}${words.join}${name(three)}` : place;
    }
    return one ? name(one) : `${name("entries")}${words.join}${name("rules")}`;
  }
  if (part === "commitments" || part === "reveals") {
    return one === undefined
      ? name(part === "commitments" ? "value" : "secret")
      : words.of(witness(one), name(two || (part === "commitments" ? "value" : "secret")));
  }
  if (part === "result") {
    if (one === "classes" && two)
      return three === undefined
        ? words.roster(two)
        : `${words.roster(two)}${words.join}${words.listed(Number(three) + 1)}`;
    const last = [two, three]
      .filter((key) => key !== undefined)
      .map((key) => (/^\d+$/.test(key) && one !== "report" ? words.listed(Number(key) + 1) : key));
    return [one ? name(one) : words.result, ...last].join(words.join);
  }
  if (part === "ledger") return words.log;
  return { seed: words.seed, beacon: words.beacon }[part] || part;
}
