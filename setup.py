"""The native kernels: C files beside the Python files that call them. Everything else is in setup.cfg."""

from setuptools import Extension, setup

KERNELS = (
    "index._arrangement",
    "verification._differences",
    "verification._edges",
    "verification._matching",
    "verification._registration",
)
    "index._arrangement",
    "verification._edges",
    "verification._matching",
    "verification._registration",
)

setup(
    ext_modules=[
        Extension(
            f"douglas_quaid.{name}",
            [f"core/{name.replace('.', '/')}.c"],
            depends=["core/native.h"],
            # Products and sums are rounded one by one, as numpy rounds them, so that answers are the same on
            # every machine.
            extra_compile_args=["-std=gnu11", "-O3", "-ffp-contract=off", "-fno-math-errno"],
        )
        for name in KERNELS
    ]
)
