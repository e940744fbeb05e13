/* Kernel of edges.py: Sobel gradients of two pictures, compared pixel by pixel, a row at a time.

Gradients of bytes are whole numbers, so they and the squares of their lengths are exact in f32. */
#include "../native.h"
#include <math.h>

typedef struct {
    const uint8_t *one, *other, *inside;
    Py_ssize_t height, width;
    float minimum_gradient, minimum_cosine, minimum_strength;
} Pair;

/* Number of a row or column; behind an edge that which lies as far before it. */
static inline Py_ssize_t mirrored(Py_ssize_t at, Py_ssize_t count) {
    if (count == 1) return 0;
    return at < 0 ? -at : at >= count ? 2 * count - 2 - at : at;
}

/* Gradient across and down, and its length, of one row. `sums` and `differences` have an entry more on either side. */
static void gradients(const Pair *p, const uint8_t *picture, Py_ssize_t row, int32_t *sums, int32_t *differences,
                      float *across, float *down, float *strength) {
    Py_ssize_t width = p->width;
    const uint8_t *above = picture + width * mirrored(row - 1, p->height), *at = picture + width * row,
                  *below = picture + width * mirrored(row + 1, p->height);
    for (Py_ssize_t x = 0; x < width; x++) {
        sums[x + 1] = above[x] + 2 * at[x] + below[x];
        differences[x + 1] = below[x] - above[x];
    }
    sums[0] = sums[1 + mirrored(-1, width)], sums[width + 1] = sums[1 + mirrored(width, width)];
    differences[0] = differences[1 + mirrored(-1, width)];
    differences[width + 1] = differences[1 + mirrored(width, width)];
    for (Py_ssize_t x = 0; x < width; x++) {
        across[x] = (float)(sums[x + 2] - sums[x]);
        down[x] = (float)(differences[x] + 2 * differences[x + 1] + differences[x + 2]);
        strength[x] = sqrtf(across[x] * across[x] + down[x] * down[x]);
    }
}

/* For each picture the pixels on its edges, and those of them that are on the other's: four numbers. */
static void count_edges(const Pair *p, int64_t *counts, float *memory) {
    Py_ssize_t width = p->width;
    float *x = memory, *y = x + width, *s = y + width, *u = s + width, *v = u + width, *t = v + width;
    int32_t *sums = (int32_t *)(t + width), *differences = sums + width + 2;
    for (Py_ssize_t row = 0; row < p->height; row++) {
        gradients(p, p->one, row, sums, differences, x, y, s);
        gradients(p, p->other, row, sums, differences, u, v, t);
        const uint8_t *inside = p->inside + width * row;
        int32_t edges = 0, found = 0, other_edges = 0, other_found = 0;
        for (Py_ssize_t at = 0; at < width; at++) {
            int32_t same = x[at] * u[at] + y[at] * v[at] > p->minimum_cosine * s[at] * t[at];
            int32_t one = (s[at] > p->minimum_gradient) & inside[at];
            int32_t other = (t[at] > p->minimum_gradient) & inside[at];
            edges += one;
            found += one & same & (t[at] > p->minimum_strength * s[at]);
            other_edges += other;
            other_found += other & same & (s[at] > p->minimum_strength * t[at]);
        }
        counts[0] += edges, counts[1] += found, counts[2] += other_edges, counts[3] += other_found;
    }
}

static PyObject *count(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    Arrays a;
    if (!has_arguments(given, 6)) return NULL;
    double gradient = PyFloat_AsDouble(args[3]), cosine = PyFloat_AsDouble(args[4]);
    double strength = PyFloat_AsDouble(args[5]);
    if (PyErr_Occurred()) return NULL;
    if (take_arrays(&a, args, "B2 B2 ?2") < 0) return NULL;
    Pair p = {.one = a.view[0].buf, .other = a.view[1].buf, .inside = a.view[2].buf, .height = length(&a, 0, 0),
              .width = length(&a, 0, 1), .minimum_gradient = (float)gradient, .minimum_cosine = (float)cosine,
              .minimum_strength = (float)strength};
    int fits = 1;
    for (int number = 1; number < 3; number++)
        fits &= length(&a, number, 0) == p.height && length(&a, number, 1) == p.width;
    if (require(&a, fits, "pictures of different sizes") < 0) return NULL;
    float *memory = malloc((size_t)(8 * p.width + 4) * sizeof(float));
    if (!memory) {
        release_arrays(&a);
        return PyErr_NoMemory();
    }
    int64_t counts[4] = {0};
    Py_BEGIN_ALLOW_THREADS
    if (p.width) count_edges(&p, counts, memory);
    Py_END_ALLOW_THREADS
    free(memory);
    release_arrays(&a);
    return Py_BuildValue("((LL)(LL))", (long long)counts[0], (long long)counts[1], (long long)counts[2],
                         (long long)counts[3]);
}

static PyMethodDef methods[] = {
    {"count", (PyCFunction)(void (*)(void))count, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

KERNEL_MODULE(_edges, methods)
