"""Numbers as people read them. Numbers and units are joined by a no-break space, so that lines never part them."""

from datetime import datetime

SPACE = "\N{NO-BREAK SPACE}"


def count(value: float) -> str:
    """1500000 → 1.50 M; whole numbers below ten thousand as they are."""
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):.3g}{SPACE}{letter}"
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.3g}"


def size(value: float) -> str:
    """11722221 → 11.7 MB, in powers of ten."""
    for scale, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if abs(value) >= scale:
            return f"{value / scale:.3g}{SPACE}{unit}"
    return f"{value:.0f}{SPACE}B"


def duration(seconds: float) -> str:
    """135 → 2 min 15 s; 0.0182 → 18 ms."""
    if seconds < 0.9995:
        return f"{1000 * seconds:.3g}{SPACE}ms"
    if seconds < 59.95:
        return f"{seconds:.3g}{SPACE}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}{SPACE}d {hours}{SPACE}h"
    return f"{hours}{SPACE}h {minutes:02d}{SPACE}min" if hours else f"{minutes}{SPACE}min {rest:02d}{SPACE}s"


def share(fraction: float) -> str:
    """0.8312 → 83 %; 0.004 → 0.4 %."""
    percent = 100 * fraction
    return f"{percent:.0f}{SPACE}%" if percent >= 9.95 or percent == 0 else f"{percent:.2g}{SPACE}%"


def moment(text: str) -> datetime | None:
    """An ISO 8601 time, or None when it is not one."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def day(time: datetime) -> str:
    """24 November 2026."""
    return f"{time.day} {time:%B %Y}"


def plain(value: object) -> str:
    """A configuration value as TOML readers know it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key} {plain(item)}" for key, item in value.items())
    return "not set" if value is None else str(value)
