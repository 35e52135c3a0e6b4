"""`argosy doctor`, drawn."""

from argosy.cli.output import show, table
from argosy.hardware import HardwareProfile, cached_profile, findings, measure_profile

SIGNS = {"problem": "✗", "warning": "!", "note": "·"}


def doctor(refresh: bool, as_json: bool) -> int:
    """Show this machine, measuring it first where that was not done; exit status 1 when something prevents work."""
    profile = (None if refresh else cached_profile()) or measure_profile()
    found = findings(profile)
    result = {**profile.model_dump(mode="json"), "findings": [finding.model_dump() for finding in found]}
    show(result, describe(profile), as_json=as_json)
    return int(any(finding.severity == "problem" for finding in found))


def describe(profile: HardwareProfile) -> str:
    """The profile and its findings as text."""
    what = [
        ("processor", f"{profile.cpu}, {profile.cores} usable cores"),
        ("memory", f"{profile.memory_gib:.1f} GiB, {profile.memory_gib_per_s or 0:.1f} GiB/s"),
        ("disk", f"{profile.disk_free_gib:.0f} GiB free here"),
        ("accelerators", ", ".join(f"{d.name} ({d.memory_gib:.0f} GiB)" for d in profile.devices) or "none"),
        ("software", f"Python {profile.python}, PyTorch {profile.torch}"),
        ("compiler", profile.compiler or "none"),
    ]
    width = max(len(name) for name, _ in what)
    lines = [f"{name.ljust(width)}  {text}" for name, text in what]
    sizes = sorted({m.size for m in profile.matmul})
    rates = {(m.precision, m.size): m.tflops for m in profile.matmul}
    rows = [
        (precision, *(f"{rates[precision, size]:.2f}" for size in sizes))
        for precision in dict.fromkeys(m.precision for m in profile.matmul)
    ]
    lines += ["", table(rows, ("matrix product, TFLOP/s", *(f"{size} × {size}" for size in sizes)))]
    exchanges = [
        (f"{a.bytes / 2**20:.3g} MiB", f"{1000 * a.seconds:.2f} ms", f"{a.bytes / a.seconds / 2**30:.2f}")
        for a in profile.all_reduce
    ]
    lines += ["", table(exchanges, ("all-reduce, 2 processes", "time", "GiB/s"))]
    found = findings(profile)
    lines += (
        ["", *(f"{SIGNS[f.severity]} {f.what}\n  → {f.mend}" for f in found)] if found else ["", "nothing is missing"]
    )
    return "\n".join([*lines, "", f"measured {profile.measured_at}; --refresh measures again"])
