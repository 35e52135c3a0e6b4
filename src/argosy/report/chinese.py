"""The investor's page in Chinese: each English phrase of `one_page` beside its translation."""

from collections.abc import Mapping

CHINESE: Mapping[str, str] = {
    "Investor page": "投资人一页纸",
    "plan of {day}, {months} months": "计划起始日 {day}，共 {months} 个月",
    "{about}": "{about_zh}",
    "in the bank": "账上现金",
    "on {day}": "截至 {day}",
    "sought": "拟筹资金",
    "runway, signed money": "现金跑道（仅已签约资金）",
    "for ever": "无限期",
    "{n} months": "{n} 个月",
    "out of cash in {month}": "{month} 现金耗尽",
    "not within the plan": "计划期内不会耗尽",
    "a round has to begin by": "最迟启动融资",
    "{n} months before the money is out": "须比现金耗尽早 {n} 个月",
    "the money lasts": "现金充足",
    "the money outlasts the plan": "现金撑过计划期",
    "of {n} futures, ± standard error": "共 {n} 条模拟路径，± 标准误",
    "Cash at the end of each month": "各月末现金",
    "median future": "模拟中位数",
    "as planned, all that is sought": "按计划，含拟筹资金",
    "as planned, signed only": "按计划，仅已签约资金",
    "one in ten has more": "十分之一的路径高于此",
    "one in ten has less": "十分之一的路径低于此",
    "training": "训练",
    "raise by": "最迟启动融资",
    "signed money out": "已签约资金耗尽",
    "first revenue": "首笔收入",
    "Use of funds": "资金用途",
    "{total}, cash and credits": "共 {total}，含现金与额度",
    "compute": "训练算力",
    "people": "人员",
    "data": "数据",
    "storage": "存储",
    "transfer": "传输",
    "inference": "推理服务",
    "office": "办公",
    "legal": "法务",
    "marketing": "市场",
    "other": "其他",
    "Who owns the company": "股权结构",
    "fully diluted": "完全摊薄",
    "before": "轮前：",
    "after": "轮后：",
    "founders": "创始人",
    "team and option pool": "团队与期权池",
    "other investors": "其他投资人",
    "others": "其他",
    "{name}: {amount} at {before} before, {after} after the money, for {share}": (
        "{name}：融资 {amount}，投前 {before}，投后 {after}，占 {share}"
    ),
    "How likely": "实现概率",
    "with money left, ± standard error": "届时仍有现金，± 标准误",
    "training ends before the money": "训练完成时现金未耗尽",
    "What comes back": "投资回报",
    "to {name}": "{name}",
    "price of the sale": "出售价格",
    "multiple": "回报倍数",
    "a year": "年化",
    "on average, if the money lasts": "平均（现金未耗尽时）",
    "Training the model": "模型训练",
    "by the planner": "由规划器测算",
    "{model} on {tokens} tokens, {where}, from {month}: {time}; final run {final} ({low} to {high} in eight of "
    "ten cases), other runs {other}": (
        "{model}，{tokens} 词元，{where}，{month} 开始，用时 {time}；最终训练 {final}（八成情形介于 {low} 与 {high}），"
        "其他训练 {other}"
    ),
    "{name} pay {used}; {left} expire unused in {month}": "{name} 支付 {used}；{left} 将于 {month} 到期作废",
    "Every figure is computed from capital.toml ({hash}) in {currency}: the ledger in whole cents, {paths} futures "
    "(seed {seed}). Shaded: half and eight of ten futures. Estimates, not promises; nothing here is an offer.": (
        "全部数字由 capital.toml（{hash}）算出，币种 {currency}：账目以分为单位，{paths} 条模拟路径（种子 {seed}）。"
        "深浅阴影：半数与八成路径。均为估计而非承诺，不构成要约。"
    ),
}
