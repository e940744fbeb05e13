"""The native kernels: C files beside the Python files that call them. Everything else is in setup.cfg."""

from setuptools import Extension, setup

KERNELS = (
    "features._boxes",
    "features._spread",
    "index._arrangement",
    "index._postings",
    "verification._differences",
    "verification._edges",
    "verification._matching",
    "verification._registration",
)

#: Products and sums are rounded one by one, as numpy rounds them: answers are the same on every machine.
FLAGS = ["-std=gnu11", "-O3", "-ffp-contract=off", "-fno-math-errno"]

setup(
    ext_modules=[
        Extension(
            f"douglas_quaid.{name}",
            [f"core/{name.replace('.', '/')}.c"],
            depends=["core/native.h"],
            extra_compile_args=FLAGS,
        )
        for name in KERNELS
    ]
)
