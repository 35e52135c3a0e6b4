"""The verb that shows what is known of accelerators."""

from typing import TYPE_CHECKING

from argosy.cli.app import Json, app

if TYPE_CHECKING:
    from argosy.hardware import AcceleratorSpec, Price

COLUMNS = ("", "GiB", "GB/s", "bf16", "fp8", "linked", "USD an hour")
PEAKS = ("float32", "tfloat32", "float16", "bfloat16", "float8", "float4")


@app.command
def hardware(name: str | None = None, *, json: Json = False) -> None:
    """Show the accelerators that Argosy knows, or all it knows of one: memory, peaks, links, power, prices.

    Example: argosy hardware H100

    Parameters
    ----------
    name
        One accelerator, by a name that people or its driver use.
    """
    from argosy.cli.output import show
    from argosy.hardware import accelerator, accelerators, prices

    if name is None:
        known = accelerators()
        show([entry.model_dump(mode="json") for entry in known], _list(known), as_json=json)
        return
    entry = accelerator(name)
    offers = [price for price in prices() if price.accelerator == entry.name]
    tree = {**entry.model_dump(mode="json"), "prices": [price.model_dump(mode="json") for price in offers]}
    lines = [_details(entry), *(f"  {_offer(price)}" for price in offers)]
    show(tree, "\n".join(lines), as_json=json)


def _list(known: "tuple[AcceleratorSpec, ...]") -> str:
    from argosy.cli.output import table

    def number(value: float | None) -> str:
        return "" if value is None else f"{value:,.0f}"

    rows = [
        (
            entry.name,
            number(entry.memory_gib),
            number(entry.bandwidth_gb_per_s),
            number(entry.bfloat16_tflops),
            number(entry.float8_tflops),
            f"{entry.link_gb_per_s:,.0f} GB/s × {entry.link_domain}" if entry.link_domain > 1 else "",
            "" if entry.usd_per_hour is None else f"{entry.usd_per_hour:.2f} ({entry.priced})",
        )
        for entry in known
    ]
    note = "bf16, fp8: dense TFLOP/s; prices: medians of public lists; more: argosy hardware NAME"
    return f"{table(rows, COLUMNS)}\n{note}"


def _details(entry: "AcceleratorSpec") -> str:
    from argosy.cli.output import table

    peaks = {name: value for name in PEAKS if (value := getattr(entry, f"{name}_tflops")) is not None}
    linked = f"{entry.link_gb_per_s:,.0f} GB/s both ways, among {entry.link_domain}"
    rows = [
        ("maker", f"{entry.maker}, {entry.year}"),
        ("memory", f"{entry.memory_gib:g} GiB at {entry.bandwidth_gb_per_s:,.0f} GB/s"),
        ("dense peaks", ", ".join(f"{name} {value:,g}" for name, value in peaks.items()) + " TFLOP/s"),
        ("links", linked if entry.link_domain > 1 else f"{entry.link_gb_per_s:,.0f} GB/s both ways, to the host"),
        ("network", "" if entry.network_gbit_per_s is None else f"{entry.network_gbit_per_s:,.0f} Gbit/s each"),
        ("power", "" if entry.power_w is None else f"{entry.power_w:,.0f} W"),
        ("price", _price(entry)),
        ("source", entry.source),
    ]
    return table([row for row in rows if row[1]], (entry.name, ""))


def _price(entry: "AcceleratorSpec") -> str:
    if entry.usd_per_hour is None:
        return ""
    between = f", between {entry.usd_low:.2f} and {entry.usd_high:.2f}" if entry.usd_low != entry.usd_high else ""
    return f"{entry.usd_per_hour:.2f} USD an hour on demand (median){between}, read {entry.priced}"


def _offer(price: "Price") -> str:
    where = f"{price.provider}, {price.region}, {price.count} together"
    return f"{price.usd_per_hour:.2f} USD an hour {price.contract}: {where} ({price.source}, read {price.read})"


@app.command
def calibrate(*, json: Json = False) -> int:
    """Measure how fast this machine's processors train, so that plans for them rest on that; takes some minutes.

    Example: argosy calibrate
    """
    from argosy.cli.doctor import doctor as examine
    from argosy.hardware import calibrate as measure

    measure()
    return examine(False, json)
