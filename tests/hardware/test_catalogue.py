"""Peaks, anchored twice: to the documents' figures, and to what units times clock must give."""

import re

import pytest

from argosy.hardware import CATALOGUE, accelerator_peak_flops, find_accelerator

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
    "GH200": (132, 4096, 1.83),
    "H200 SXM": (132, 4096, 1.83),
    "H100 SXM": (132, 4096, 1.83),
    "H100 PCIe": (114, 4096, 1.62),
    "A100": (108, 2048, 1.41),
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
    "V100 SXM2": (80, 1024, 1.53),
    "V100 PCIe": (80, 1024, 1.38),
    "MI300X": (304, 2048, 2.1),
    "MI325X": (304, 2048, 2.1),
    "MI355X": (256, 4096, 2.4),
}


@pytest.mark.parametrize("name", UNITS_AND_CLOCKS)
def test_peaks_are_units_times_clock(name: str) -> None:
    """Within 2 %, the rounding of clocks in the documents: a figure with sparsity would be off by 100 %."""
    units, operations, clock_ghz = UNITS_AND_CLOCKS[name]
    entry = next(entry for entry in CATALOGUE if entry.name == name)
    assert entry.float16_tflops == pytest.approx(units * operations * clock_ghz / 1000, rel=0.02)


def test_no_sparse_figure_passes_for_a_dense_one() -> None:
    """The negative control of the test above: the headline figures of the same data sheets must fail it."""
    for name, sparse in {"H100 SXM": 1979.0, "A100": 624.0, "L4": 242.0, "L40S": 733.0}.items():
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


def test_every_entry_names_its_document_and_year() -> None:
    assert len({entry.name for entry in CATALOGUE}) == len(CATALOGUE)
    for entry in CATALOGUE:
        assert re.search(r"(data sheet|white paper|brief).*\b20\d\d\b", entry.source), entry.name
