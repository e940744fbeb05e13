/* Kernel of pdq.py: a box filter along rows, by running sums in the order and precision of PDQ's reference. */
#include "../native.h"

/* Rows that are summed side by side: each sum waits for the one before it, and these do not wait for each other. */
#define SIDE_BY_SIDE 8

static PyObject *boxes(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    Arrays a;
    if (!has_arguments(given, 5)) return NULL;
    if (take_arrays(&a, args, "f2 l1 l1 l1 f2w") < 0) return NULL;
    Py_ssize_t rows = length(&a, 0, 0), width = length(&a, 0, 1), picks = length(&a, 3, 0);
    const float *pixels = a.view[0].buf;
    const int64_t *begins = a.view[1].buf, *ends = a.view[2].buf, *picked = a.view[3].buf;
    float *means = a.view[4].buf;
    int fits = length(&a, 1, 0) == width && length(&a, 2, 0) == width && length(&a, 4, 0) == rows &&
               length(&a, 4, 1) == picks && all_below(begins, width, width) && all_below(ends, width, width + 1) &&
               all_below(picked, picks, width);
    for (Py_ssize_t at = 0; fits && at < width; at++)
        fits = begins[at] < ends[at] && (!at || (begins[at] >= begins[at - 1] && ends[at] >= ends[at - 1]));
    for (Py_ssize_t at = 1; fits && at < picks; at++) fits = picked[at] >= picked[at - 1];
    if (require(&a, fits, "arrays of other sizes, or boxes outside the rows") < 0) return NULL;
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t top = 0; top < rows; top += SIDE_BY_SIDE) {
        Py_ssize_t count = rows - top < SIDE_BY_SIDE ? rows - top : SIDE_BY_SIDE;
        float sums[SIDE_BY_SIDE] = {0};
        const float *first = pixels + top * width;
        int64_t begin = 0, end = 0;
        for (Py_ssize_t at = 0, pick = 0; at < width && pick < picks; at++) {
            /* Pixels that enter come first, then those that leave. */
            for (; end < ends[at]; end++)
                for (Py_ssize_t row = 0; row < count; row++) sums[row] += first[row * width + end];
            for (; begin < begins[at]; begin++)
                for (Py_ssize_t row = 0; row < count; row++) sums[row] -= first[row * width + begin];
            /* A small picture has fewer columns than samples: some are picked more than once. */
            float size = (float)(end - begin);
            for (; pick < picks && picked[pick] == at; pick++)
                for (Py_ssize_t row = 0; row < count; row++) means[(top + row) * picks + pick] = sums[row] / size;
        }
    }
    Py_END_ALLOW_THREADS
    release_arrays(&a);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"boxes", (PyCFunction)(void (*)(void))boxes, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

KERNEL_MODULE(_boxes, methods)
