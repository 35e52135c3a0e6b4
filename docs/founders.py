"""The figures in examples/founders/README.md and README.zh.md: `python docs/founders.py` writes them again.

Both pages get the same values, computed from the example's capital.toml; a test fails when they are out of date.
"""

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from argosy.capital import CapitalStory, capital_story, plain_name
from argosy.report.money_tables import estimated, plain
from argosy.report.money_text import amount, likely, months, multiple, percent, rate, whole
from argosy.report.one_page import one_page
from argosy.report.scene import estimated as estimated_width
from argosy.report.scene import svg
from argosy.report.units import count, duration

FOUNDERS = Path(__file__).resolve().parents[1] / "examples" / "founders"
PAGES = {FOUNDERS / "README.md": 0, FOUNDERS / "README.zh.md": 1}
PICTURE = Path(__file__).resolve().parent / "images" / "investor-page.svg"
HEADER = (("figure", "value", "computed from"), ("数字", "数值", "来源"))
Row = tuple[tuple[str, str], str, str]
SWINGS, ACTIONS = 4, 5


@cache
def story() -> CapitalStory:
    """Everything about the founders' money."""
    return capital_story(FOUNDERS, advised=True)


def headline() -> Iterator[Row]:
    """The five figures on top."""
    found = story()
    signed, solvent = found.outlook.signed, found.chances.simulated.solvent
    yield ("in the bank", "账上现金"), amount(signed.opening_cents, found.currency), "`cash`"
    for one in found.funding:
        said = f"{amount(one.cents, found.currency)}, {one.month}, {percent(one.probability, 0)}"
        yield (f"sought: {one.name}", f"拟筹：{one.name}"), said, "`[[funding]]`, `[[rates]]`"
    key = "`[[people]]`, `[[costs]]`, `[[training]]`, `[[traffic]]` − `[[revenue]]` − `[[credits]]`"
    yield ("runway, signed money only", "现金跑道（仅已签约资金）"), months(signed.runway_months), key
    yield ("signed money is out", "已签约资金耗尽"), str(signed.out_of_cash), ""
    yield ("a round has to begin by", "最迟启动融资"), str(found.outlook.raise_from), "`raising_months`"
    value = likely(solvent.value, solvent.standard_error)
    yield (
        ("the money outlasts the plan", "现金撑过计划期"),
        value,
        f"{found.chances.simulated.paths:,} × `[uncertainty]`",
    )


def cash() -> Iterator[Row]:
    """The ends of the five curves."""
    found = story()
    fan = found.chances.simulated.fan[-1]
    labels = [
        ("one in ten has less", "十分之一的路径低于此"),
        ("median", "中位数"),
        ("one in ten has more", "十分之一的路径高于此"),
    ]
    for label, value in zip(labels, (fan[0], fan[2], fan[4]), strict=True):
        yield label, count(value), "`chances.simulated.fan`"
    ends = (flow.months[-1].cash_cents for flow in (found.outlook.signed, found.outlook.hoped))
    for label, cents in zip(
        (("planned, signed", "按计划，仅已签约"), ("planned, sought", "按计划，含拟筹")), ends, strict=True
    ):
        yield label, whole(cents), "`outlook`"


def uses() -> Iterator[Row]:
    """Where it goes."""
    for one in story().uses:
        yield (one.kind, f"{one.kind}"), f"{whole(one.cents)}, {percent(one.share)}", "`uses`"


def owners() -> Iterator[Row]:
    """Before and after the round."""
    found = story().ownership
    assert found is not None
    (seed,) = found.rounds
    yield ("new money", "新资金"), whole(seed.amount_cents), "`cap_table.rounds.investors`"
    yield ("valuation before the money", "投前估值"), whole(seed.pre_money_cents), "`cap_table.rounds.pre_money`"
    yield ("valuation after", "投后估值"), whole(seed.post_money_cents), ""
    before, after = found.tables
    for party in after.parts:
        shares = " → ".join(percent(one.parts[party], 2) if party in one.parts else "—" for one in (before, after))
        yield (party, party), shares, "`ownership.tables`"


def sales() -> Iterator[Row]:
    """What the seed investor gets back."""
    found = story()
    name = "Seed investor"
    for sale in found.sales:
        own = next(one for one in sale.returns.holders if one.holder == name)
        said = f"{whole(own.paid_cents)}, {multiple(own.multiple)}, {rate(own.xirr)}"
        price = amount(sale.returns.exit_cents, found.currency)
        yield (f"{sale.name}, {price}", f"{sale.name}，{price}"), said, "`[[exits]]`"
    (average,) = (one for one in found.expected if one.holder == name)
    label = ("on average, if the money lasts", "平均（现金未耗尽时）")
    yield label, f"{multiple(average.multiple)}, {rate(average.xirr)}", "`[[exits]] probability`"
    yield ("less than paid in", "亏损概率"), percent(average.loss_probability, 0), ""


def chances() -> Iterator[Row]:
    """How likely what is."""
    simulated = story().chances.simulated
    assert simulated.trained is not None
    for one in (simulated.trained, *simulated.milestones, simulated.solvent):
        yield (one.name, one.name), likely(one.value, one.standard_error), "`chances.simulated`"


def training() -> Iterator[Row]:
    """What the planner says."""
    found = story()
    (one,), (cost,) = found.trainings, found.outlook.trainings
    yield (
        ("the model", "模型"),
        f"{count(one.parameters)}, {count(one.tokens)} tokens, {one.accelerators}",
        "`venture.toml`",
    )
    between = f"{duration(3600 * one.wall_h.low)} – {duration(3600 * one.wall_h.high)}"
    yield ("takes", "用时"), f"{duration(3600 * one.wall_h.middle)} ({between})", "`argosy plan`"
    money = f"{whole(cost.final_cents)} ({whole(cost.low_cents)} – {whole(cost.high_cents)})"
    yield ("final run", "最终训练"), money, f"{one.usd_per_hour:.2f} USD, `price_change_per_year`"
    yield ("failed and small runs", "失败与小规模训练"), whole(cost.other_cents), "`other_runs`"
    (credit,) = found.outlook.signed.credits
    yield ("credits pay", "额度支付"), whole(credit.used_cents), "`[[credits]]`"
    yield ("expire unused", "到期作废"), f"{whole(credit.expired_cents)}, {credit.expires}", "`expires`"


def worth() -> Iterator[Row]:
    """What the training is worth, and when."""
    (one,) = story().outlook.worths
    planned, best, fall = one.as_planned, one.best, one.fall
    assert best is not None and fall is not None and planned.payback_months is not None
    yield ("costs", "成本"), whole(planned.cost_cents), "`[[training]]`, `brings`"
    yield (f"brings until {one.until}", f"至 {one.until} 的收入"), whole(planned.gain_cents), "`brings`, `worth_until`"
    yield ("present value", "净现值"), whole(planned.net_present_value_cents), "`discount_per_year`"
    yield ("a year", "年化回报率"), rate(planned.rate.rate), "`outlook.worths`"
    yield ("gains with which it breaks even", "盈亏平衡所需收入倍数"), multiple(planned.gain_factor_to_break_even), ""
    said = f"{best.start}, {whole(best.net_present_value_cents)}"
    yield ("worth most if begun in", "最佳开始月份"), said, "`price_change_per_year`"
    yield ("waiting is worth", "等待的价值"), whole(one.value_of_waiting_cents), ""
    yield ("public prices of an hour moved, a year", "公开价格的年变动"), fall.moved, "`outlook.worths.fall`"


def customers() -> Iterator[Row]:
    """What the channel brings."""
    market = story().outlook.market
    assert market is not None
    (channel,) = market.channels
    yield ("spend", "投放"), whole(sum(channel.spend_cents)), "`spend`"
    figures = (
        (("customers at the end", "期末客户数"), channel.customers_at_end, plain),
        (("CAC, of spend", "获客成本（按投放）"), channel.cac_cents, whole),
        (("LTV, margin ÷ churn", "客户终身价值（毛利 ÷ 流失率）"), channel.ltv_cents, whole),
        (("paid back in months", "回本月数"), channel.payback_after_churn_months, plain),
    )
    for label, one, write in figures:
        yield label, estimated(one, write), "`[[channels]]`"


def resources() -> Iterator[Row]:
    """What is not cash."""
    found = story().outlook.resources
    assert found is not None
    for one in found.uses:
        said = f"{whole(one.displaced_cents)} → {whole(one.worth_cents)}, {one.expires}"
        yield (one.name, one.name), said, "`outlook.resources`"


def partners() -> Iterator[Row]:
    """Whom the plan hangs on."""
    found = story().outlook.partners
    assert found is not None
    for one in found.partners:
        yield (one.name, one.name), f"{whole(one.cents)}, {percent(one.share)}", "`outlook.partners`"


def swings() -> Iterator[Row]:
    """What it hangs on."""
    for one in story().chances.swings[:SWINGS]:
        said = f"{percent(one.low, 0)} – {percent(one.high, 0)}; {100 * one.explained:+.1f}"
        yield (plain_name(one.name), plain_name(one.name)), said, "`chances.swings`"


def actions() -> Iterator[Row]:
    """What raises the probability, and what each costs."""
    found = story().advice
    assert found is not None
    for one in found.actions[:ACTIONS]:
        effect = one.effects[0]
        said = f"{percent(effect.before)} → {percent(effect.after)} (± {100 * effect.standard_error:.1f}); "
        yield (one.what, one.what), f"{said}{one.cost_cents / 100:+,.0f}", "`advice.actions`"


MONEY = (headline, cash, uses, customers, resources, owners, chances, sales)
BLOCKS = (*MONEY, partners, training, worth, swings, actions)


def with_blocks(page: str, language: int) -> str:
    """The page with its tables written again."""
    for make in BLOCKS:
        begin, end = f"<!-- begin {make.__name__}: written by docs/founders.py -->", f"<!-- end {make.__name__} -->"
        if begin not in page:
            continue
        rows = [(label[language], value, key) for label, value, key in make()]
        table = "\n".join(f"| {' | '.join(row)} |" for row in (HEADER[language], ("---",) * 3, *rows))
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n\n{table}\n\n{end}{rest.partition(end)[2]}"
    return page


def picture() -> str:
    """The investor's page, as the PDF has it."""
    return svg(one_page(story(), estimated_width), "The investor's page")


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    for path, language in PAGES.items():
        path.write_text(with_blocks(path.read_text(encoding="utf-8"), language), encoding="utf-8")
        print(path, file=sys.stderr)
