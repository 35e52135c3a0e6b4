"""Peaks, anchored twice: to the documents' figures, and to what units times clock must give."""

import re

import pytest

from argosy.config import UserError
from argosy.hardware import accelerator, accelerator_peak_flops, accelerators, find_accelerator, prices, prices_of

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    ("device", "precision", "tflops"),
    [
        ("NVIDIA A100-SXM4-80GB", "bfloat16", 312.0),
        ("NVIDIA A100-SXM4-80GB", "float32", 19.5),
        ("NVIDIA A100-SXM4-80GB", "tfloat32", 156.0),
        ("A100-SXM4-40GB", "bfloat16", 312.0),
        ("NVIDIA A100-PCIE-40GB", "bfloat16", 312.0),
        ("NVIDIA A100 80GB PCIe", "bfloat16", 312.0),
        ("NVIDIA H100 80GB HBM3", "bfloat16", 989.4),
        ("NVIDIA H100 PCIe", "bfloat16", 756.0),
        ("NVIDIA H100 NVL", "bfloat16", 835.5),
        ("NVIDIA H200", "bfloat16", 989.4),
        ("NVIDIA GH200 480GB", "bfloat16", 989.4),
        ("NVIDIA B200", "bfloat16", 2250.0),
        ("NVIDIA L4", "bfloat16", 121.0),
        ("NVIDIA L40S", "bfloat16", 362.05),
        ("NVIDIA A10", "bfloat16", 125.0),
        ("NVIDIA GeForce RTX 4090", "bfloat16", 165.2),
        ("Tesla T4", "float16", 65.0),
        ("Tesla V100-SXM2-16GB", "float16", 125.0),
        ("AMD Instinct MI300X", "bfloat16", 1307.4),
    ],
)
def test_peaks_stand_in_the_documents(device: str, precision: str, tflops: float) -> None:
    assert accelerator_peak_flops(device, precision) == tflops * 1e12  # type: ignore[arg-type]


UNITS_AND_CLOCKS = {
    # multiprocessors, dense bfloat16 or float16 operations of each in a cycle, boost clock in GHz
    "B200": (148, 8192, 1.85),
    "B300": (148, 8192, 1.85),
    "GH200": (132, 4096, 1.83),
    "H200 SXM": (132, 4096, 1.83),
    "H100 SXM": (132, 4096, 1.83),
    "H100 PCIe": (114, 4096, 1.62),
    "H200 NVL": (132, 4096, 1.545),
    "H800 SXM": (132, 4096, 1.83),
    "A100 40GB SXM": (108, 2048, 1.41),
    "A100 80GB SXM": (108, 2048, 1.41),
    "A100 80GB PCIe": (108, 2048, 1.41),
    "A800 80GB SXM": (108, 2048, 1.41),
    "A40": (84, 1024, 1.74),
    "A30": (56, 2048, 1.44),
    "A10": (72, 1024, 1.695),
    "L40S": (142, 1024, 2.52),
    "L40": (142, 512, 2.49),
    "L4": (58, 1024, 2.04),
    "RTX 6000 Ada": (142, 1024, 2.505),
    "RTX A6000": (84, 1024, 1.80),
    "RTX 5090": (170, 512, 2.407),
    "RTX 4090": (128, 512, 2.52),
    "RTX 3090": (82, 512, 1.695),
    "T4": (40, 1024, 1.59),
    "V100 16GB SXM2": (80, 1024, 1.53),
    "V100 32GB SXM2": (80, 1024, 1.53),
    "V100 16GB PCIe": (80, 1024, 1.38),
    "V100 32GB PCIe": (80, 1024, 1.38),
    "V100S 32GB PCIe": (80, 1024, 1.597),
    "MI100": (120, 1024, 1.502),
    "MI210": (104, 1024, 1.7),
    "MI250X": (220, 1024, 1.7),
    "MI300X": (304, 2048, 2.1),
    "MI325X": (304, 2048, 2.1),
    "MI355X": (256, 4096, 2.4),
}


CORES_AND_CLOCKS = {
    # of those before matrix units: cores, boost clock in GHz
    "GTX 580": (512, 1.544),
    "GTX TITAN": (2688, 0.876),
    "GTX TITAN Black": (2880, 0.98),
    "GTX TITAN X": (3072, 1.075),
    "K40": (2880, 0.875),
    "K80": (4992, 0.875),
    "P100 16GB PCIe": (3584, 1.303),
    "P100 16GB SXM2": (3584, 1.48),
}


@pytest.mark.parametrize("name", CORES_AND_CLOCKS)
def test_peaks_are_cores_times_clock(name: str) -> None:
    cores, clock_ghz = CORES_AND_CLOCKS[name]
    assert accelerator(name).float32_tflops == pytest.approx(2 * cores * clock_ghz / 1000, rel=0.02)


@pytest.mark.parametrize("name", UNITS_AND_CLOCKS)
def test_peaks_are_units_times_clock(name: str) -> None:
    """Within 2 %, the rounding of clocks in the documents: a figure with sparsity would be off by 100 %."""
    units, operations, clock_ghz = UNITS_AND_CLOCKS[name]
    entry = accelerator(name)
    assert entry.float16_tflops == pytest.approx(units * operations * clock_ghz / 1000, rel=0.02)


def test_no_sparse_figure_passes_for_a_dense_one() -> None:
    """The negative control of the test above: the headline figures of the same data sheets must fail it."""
    for name, sparse in {"H100 SXM": 1979.0, "A100 80GB SXM": 624.0, "L4": 242.0, "L40S": 733.0}.items():
        units, operations, clock_ghz = UNITS_AND_CLOCKS[name]
        assert sparse != pytest.approx(units * operations * clock_ghz / 1000, rel=0.02)


@pytest.mark.parametrize(
    "device",
    [
        "NVIDIA H100",  # SXM or PCIe: cannot be told
        "NVIDIA A100-SXM4-40GB MIG 1g.5gb",  # a slice has a share of the peak
        "NVIDIA GeForce RTX 4090 D",
        "NVIDIA GeForce RTX 4090 Laptop GPU",
        "NVIDIA L40G",
        "NVIDIA T400",
        "NVIDIA Graphics Device",
        "AMD Radeon Graphics",
        "cpu",
        "",
    ],
)
def test_unknown_devices_have_no_peak(device: str) -> None:
    assert find_accelerator(device) is None
    assert accelerator_peak_flops(device, "bfloat16") is None


@pytest.mark.parametrize(
    ("device", "name"),
    [
        ("NVIDIA L4", "L4"),
        ("NVIDIA L40", "L40"),
        ("NVIDIA GB200", "GB200"),
        ("NVIDIA GH200 144G HBM3e", "GH200"),
        ("NVIDIA H200 NVL", "H200 NVL"),
    ],
)
def test_names_that_contain_one_another_are_told_apart(device: str, name: str) -> None:
    entry = find_accelerator(device)
    assert entry is not None and entry.name == name


def test_precisions_a_device_lacks_have_no_peak() -> None:
    assert accelerator_peak_flops("Tesla T4", "bfloat16") is None
    assert accelerator_peak_flops("Tesla V100-SXM2-32GB", "bfloat16") is None
    assert accelerator_peak_flops("Tesla T4", "float32") == 8.1e12


def test_every_entry_is_whole_and_names_its_document_and_year() -> None:
    known = accelerators()
    assert len(known) >= 35 and {entry.maker for entry in known} >= {"NVIDIA", "AMD", "Google", "Amazon", "Intel"}
    names = [name.lower() for entry in known for name in (entry.name, *entry.aliases)]
    assert len(set(names)) == len(names), "a name means one accelerator"
    for entry in known:
        assert re.search(r"(data sheet|white paper|brief|chip table|documentation).*\b20\d\d\b", entry.source), (
            entry.name
        )
        assert (entry.usd_per_hour is None) == (entry.priced is None)
        if entry.usd_per_hour is not None:
            assert entry.usd_low <= entry.usd_per_hour <= entry.usd_high  # type: ignore[operator]


# Bus width in bits times transfers a second, from the memory's own documents.
BUSES = {
    "A100 80GB SXM": (5120, 3.186),
    "H100 SXM": (5120, 5.23),
    "H200 SXM": (6144, 6.25),
    "B200": (8192, 7.8),
    "L4": (192, 12.5),
    "L40S": (384, 18.0),
    "RTX 4090": (384, 21.0),
    "RTX 5090": (512, 28.0),
    "V100 32GB SXM2": (4096, 1.756),
    "MI300X": (8192, 5.2),
    "MI325X": (8192, 6.0),
    "MI355X": (8192, 8.0),
}


@pytest.mark.parametrize("name", BUSES)
def test_bandwidths_are_buses_times_transfers(name: str) -> None:
    bits, giga_transfers_per_s = BUSES[name]
    assert accelerator(name).bandwidth_gb_per_s == pytest.approx(bits / 8 * giga_transfers_per_s, rel=0.03)


def test_low_precision_doubles_the_rate_where_it_exists() -> None:
    for entry in accelerators():
        if entry.maker == "NVIDIA" and entry.float8_tflops is not None and entry.bfloat16_tflops is not None:
            assert entry.float8_tflops == pytest.approx(2 * entry.bfloat16_tflops, rel=0.03), entry.name


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("H100", "H100 SXM"),
        ("h100-80g-sxm", "H100 SXM"),
        ("NVIDIA H100 80GB HBM3", "H100 SXM"),
        ("a100", "A100 80GB SXM"),
        ("TPU-v5e", "TPU v5e"),
        ("trillium", "TPU v6e"),
        ("rtx4090", "RTX 4090"),
        ("NVIDIA A100 SXM4 40 GB", "A100 40GB SXM"),
        ("NVIDIA Tesla V100 DGXS 32 GB", "V100 32GB SXM2"),
        ("Google TPU v4", "TPU v4"),
    ],
)
def test_people_name_them_in_many_ways(typed: str, name: str) -> None:
    assert accelerator(typed).name == name


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'h100'") as caught:
        accelerator("H1000")
    assert caught.value.code == "unknown-accelerator"


def test_prices_are_of_what_is_known() -> None:
    names = {entry.name for entry in accelerators()}
    assert {price.accelerator for price in prices()} <= names
    cheapest = prices_of("H100 SXM")
    assert [price.usd_per_hour for price in cheapest] == sorted(price.usd_per_hour for price in cheapest)
    assert prices_of("H100 SXM", "spot")[0].usd_per_hour < cheapest[0].usd_per_hour
