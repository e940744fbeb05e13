/* Kernel of differences.py: blocks of two pictures compared at nine shifts.

The blocks of a row of blocks are computed side by side: a plane holds one pixel of each of them. Means are summed in
the order of OpenCV's INTER_AREA (four pixels together, from the upper left), so they are the same to the last bit. */
#include "../native.h"
#include <math.h>

/* The same code for processors with wider vectors, chosen when it is loaded. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif
#define INLINED static inline __attribute__((always_inline))

typedef struct {
    /* Both pictures, one pixel larger on each side, and their width. */
    const float *one, *other;
    const uint8_t *inside;
    Py_ssize_t stride;
    /* Side of a block, number of rows and of columns of blocks. */
    Py_ssize_t side, rows, columns;
    float *counted, *correlation, *held, *strength, *other_strength;
    /* A plane for each pixel of a block. */
    float *a, *b;
    /* Sums of a row of blocks. */
    float *mean, *line, *total, *squares, *sizes, *products, *common;
} Pictures;

/* The mean over `count` planes, `apart` from each other. */
INLINED void mean_planes(const float *planes, Py_ssize_t count, Py_ssize_t apart, Py_ssize_t columns, float *mean) {
    float scale = 1.0f / (float)count;
    Py_ssize_t k = 0;
    for (Py_ssize_t c = 0; c < columns; c++) mean[c] = 0;
    for (; k <= count - 4; k += 4) {
        const float *p = planes + k * apart, *q = p + apart, *r = q + apart, *s = r + apart;
        for (Py_ssize_t c = 0; c < columns; c++) mean[c] += p[c] + q[c] + r[c] + s[c];
    }
    for (; k < count; k++)
        for (Py_ssize_t c = 0; c < columns; c++) mean[c] += planes[k * apart + c];
    for (Py_ssize_t c = 0; c < columns; c++) mean[c] *= scale;
}

/* A row of blocks of a picture without the means of their rows and columns, shifted by `down` and `right`. */
INLINED void rest_of_blocks(const Pictures *p, const float *picture, Py_ssize_t row, int down, int right, float *planes) {
    Py_ssize_t side = p->side, columns = p->columns;
    for (Py_ssize_t y = 0; y < side; y++) {
        const float *from = picture + p->stride * (1 + down + row * side + y) + 1 + right;
        for (Py_ssize_t c = 0; c < columns; c++)
            for (Py_ssize_t x = 0; x < side; x++) planes[(y * side + x) * columns + c] = from[c * side + x];
    }
    mean_planes(planes, side * side, columns, columns, p->mean);
    float *lines = p->line;
    for (Py_ssize_t y = 0; y < side; y++) {
        float *line = lines + y * columns;
        mean_planes(planes + y * side * columns, side, columns, columns, line);
        for (Py_ssize_t c = 0; c < columns; c++) line[c] -= p->mean[c];
    }
    for (Py_ssize_t x = 0; x < side; x++)
        mean_planes(planes + x * columns, side, side * columns, columns, lines + (side + x) * columns);
    for (Py_ssize_t y = 0; y < side; y++)
        for (Py_ssize_t x = 0; x < side; x++) {
            float *plane = planes + (y * side + x) * columns;
            const float *line = lines + y * columns, *column = lines + (side + x) * columns;
            for (Py_ssize_t c = 0; c < columns; c++) plane[c] = plane[c] - line[c] - column[c];
        }
}

INLINED float smaller(float one, float other) { return one < other ? one : other; }
INLINED float larger(float one, float other) { return one > other ? one : other; }
INLINED float shared(float one, float other) {
    return one * other > 0 ? smaller(fabsf(one), fabsf(other)) : 0.0f;
}

/* Means over each block of: squares and sizes of b, products of a and b, and what both have of one sign. */
INLINED void compare_planes(const Pictures *p) {
    Py_ssize_t columns = p->columns, count = p->side * p->side, k = 0;
    float scale = 1.0f / (float)count, *squares = p->squares, *sizes = p->sizes, *products = p->products;
    float *common = p->common;
    memset(squares, 0, sizeof(float) * (size_t)columns);
    memset(sizes, 0, sizeof(float) * (size_t)columns);
    memset(products, 0, sizeof(float) * (size_t)columns);
    memset(common, 0, sizeof(float) * (size_t)columns);
    for (; k <= count - 4; k += 4) {
        const float *a = p->a + k * columns, *e = a + columns, *g = e + columns, *i = g + columns;
        const float *b = p->b + k * columns, *f = b + columns, *h = f + columns, *j = h + columns;
        for (Py_ssize_t c = 0; c < columns; c++) {
            squares[c] += b[c] * b[c] + f[c] * f[c] + h[c] * h[c] + j[c] * j[c];
            sizes[c] += fabsf(b[c]) + fabsf(f[c]) + fabsf(h[c]) + fabsf(j[c]);
            products[c] += a[c] * b[c] + e[c] * f[c] + g[c] * h[c] + i[c] * j[c];
            common[c] += shared(a[c], b[c]) + shared(e[c], f[c]) + shared(g[c], h[c]) + shared(i[c], j[c]);
        }
    }
    for (; k < count; k++) {
        const float *a = p->a + k * columns, *b = p->b + k * columns;
        for (Py_ssize_t c = 0; c < columns; c++) {
            squares[c] += b[c] * b[c];
            sizes[c] += fabsf(b[c]);
            products[c] += a[c] * b[c];
            common[c] += shared(a[c], b[c]);
        }
    }
    for (Py_ssize_t c = 0; c < columns; c++) {
        squares[c] = sqrtf(squares[c] * scale);
        sizes[c] *= scale;
        products[c] *= scale;
        common[c] *= scale;
    }
}

/* The share of each block's pixels that lie inside. */
INLINED void count_inside(const Pictures *p, Py_ssize_t row, float *counted) {
    float scale = 1.0f / (float)(p->side * p->side);
    for (Py_ssize_t c = 0; c < p->columns; c++) {
        int32_t sum = 0;
        for (Py_ssize_t y = 0; y < p->side; y++)
            for (Py_ssize_t x = 0; x < p->side; x++)
                sum += p->inside[p->stride * (1 + row * p->side + y) + 1 + c * p->side + x];
        counted[c] = (float)sum * scale;
    }
}

WIDE static void compare_blocks(const Pictures *p) {
    Py_ssize_t columns = p->columns, side = p->side;
    for (Py_ssize_t row = 0; row < p->rows; row++) {
        float *strength = p->strength + row * columns, *other_strength = p->other_strength + row * columns;
        float *correlation = p->correlation + row * columns, *held = p->held + row * columns;
        count_inside(p, row, p->counted + row * columns);
        rest_of_blocks(p, p->one, row, 0, 0, p->a);
        memcpy(p->b, p->a, sizeof(float) * (size_t)(side * side * columns));
        compare_planes(p);
        memcpy(strength, p->squares, sizeof(float) * (size_t)columns);
        memcpy(p->total, p->sizes, sizeof(float) * (size_t)columns);
        for (Py_ssize_t c = 0; c < columns; c++) correlation[c] = -1, held[c] = 0;
        for (int shift = 0; shift < 9; shift++) {
            rest_of_blocks(p, p->other, row, shift / 3 - 1, shift % 3 - 1, p->b);
            compare_planes(p);
            for (Py_ssize_t c = 0; c < columns; c++) {
                float found = p->products[c] / larger(strength[c] * p->squares[c], 1e-3f);
                float least = smaller(p->total[c], p->sizes[c]);
                correlation[c] = larger(correlation[c], found);
                held[c] = larger(held[c], p->common[c] / larger(least, 1e-5f));
            }
            if (shift == 4) memcpy(other_strength, p->squares, sizeof(float) * (size_t)columns);
        }
    }
}

static PyObject *compare(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    Arrays a;
    if (!has_arguments(given, 9)) return NULL;
    Py_ssize_t side = PyLong_AsSsize_t(args[8]);
    if (PyErr_Occurred()) return NULL;
    if (take_arrays(&a, args, "f2 f2 ?2 f2w f2w f2w f2w f2w") < 0) return NULL;
    Py_ssize_t height = length(&a, 0, 0), width = length(&a, 0, 1), rows = length(&a, 3, 0);
    Py_ssize_t columns = length(&a, 3, 1);
    int fits = side > 0 && side < 256 && rows * side + 2 <= height && columns * side + 2 <= width;
    for (int number = 1; number < 8; number++)
        fits &= length(&a, number, 0) == (number < 3 ? height : rows) &&
                length(&a, number, 1) == (number < 3 ? width : columns);
    if (require(&a, fits, "pictures of different sizes") < 0) return NULL;
    Pictures p = {.one = a.view[0].buf, .other = a.view[1].buf, .inside = a.view[2].buf, .stride = width, .side = side,
                  .rows = rows, .columns = columns, .counted = a.view[3].buf, .correlation = a.view[4].buf,
                  .held = a.view[5].buf, .strength = a.view[6].buf, .other_strength = a.view[7].buf};
    float *memory = malloc(sizeof(float) * (size_t)(columns * (2 * side * side + 2 * side + 6) + 1));
    if (!memory) {
        release_arrays(&a);
        return PyErr_NoMemory();
    }
    p.a = memory, p.b = p.a + side * side * columns, p.line = p.b + side * side * columns;
    p.mean = p.line + 2 * side * columns, p.total = p.mean + columns, p.squares = p.total + columns;
    p.sizes = p.squares + columns, p.products = p.sizes + columns, p.common = p.products + columns;
    Py_BEGIN_ALLOW_THREADS
    compare_blocks(&p);
    Py_END_ALLOW_THREADS
    free(memory);
    release_arrays(&a);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"compare", (PyCFunction)(void (*)(void))compare, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

KERNEL_MODULE(_differences, methods)
