/* Kernels of matching.py: descriptors compared row by row. Nothing grows with the number of pairs, since a row of
distances is used up before the next is computed. */
#include "../native.h"
#include <math.h>

/* Differing bits of two descriptors of 32 bytes; 255 also stands for 256. */
COUNTS_BITS static inline unsigned distance(const uint64_t *one, const uint64_t *other) {
    unsigned first = (unsigned)__builtin_popcountll(one[0] ^ other[0]);
    if (first > 63) first = 63;
    return first + (unsigned)__builtin_popcountll(one[1] ^ other[1]) +
           (unsigned)__builtin_popcountll(one[2] ^ other[2]) + (unsigned)__builtin_popcountll(one[3] ^ other[3]);
}

typedef struct {
    const uint64_t *query, *reference;
    const float *places;
    const int64_t *rows, *columns;
    Py_ssize_t row_count, column_count;
    int64_t *best, *back, *alike;
    uint8_t *bits, *second, *back_bits;
    unsigned alike_bits;
    float same_place;
    /* One entry for each column: descriptors and places side by side, and the distances of a row. */
    uint64_t *words;
    float *x, *y;
    uint8_t *distances;
} Comparison;

COUNTS_BITS static void compare_rows(Comparison *c) {
    Py_ssize_t n = c->column_count;
    for (Py_ssize_t j = 0; j < n; j++) {
        memcpy(c->words + 4 * j, c->reference + 4 * c->columns[j], 32);
        c->x[j] = c->places[2 * c->columns[j]];
        c->y[j] = c->places[2 * c->columns[j] + 1];
    }
    for (Py_ssize_t i = 0; i < c->row_count; i++) {
        int64_t row = c->rows[i];
        uint64_t own[4];
        memcpy(own, c->query + 4 * row, 32);
        unsigned least = 256;
        Py_ssize_t nearest = 0, alike = 0;
        for (Py_ssize_t j = 0; j < n; j++) {
            unsigned apart = distance(own, c->words + 4 * j);
            c->distances[j] = (uint8_t)apart;
            alike += apart <= c->alike_bits;
            if (apart < least) {
                least = apart;
                nearest = j;
            }
            if (apart < c->back_bits[c->columns[j]]) {
                c->back_bits[c->columns[j]] = (uint8_t)apart;
                c->back[c->columns[j]] = row;
            }
        }
        float x = c->x[nearest], y = c->y[nearest];
        unsigned second = 255;
        for (Py_ssize_t j = 0; j < n; j++) {
            int same = (fabsf(c->x[j] - x) <= c->same_place) & (fabsf(c->y[j] - y) <= c->same_place);
            unsigned apart = same ? 255 : c->distances[j];
            second = apart < second ? apart : second;
        }
        c->best[row] = c->columns[nearest];
        c->bits[row] = (uint8_t)least;
        c->second[row] = (uint8_t)second;
        c->alike[row] = alike;
    }
}

static PyObject *compare(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    Arrays a;
    if (!has_arguments(given, 13)) return NULL;
    long alike_bits = PyLong_AsLong(args[11]);
    double same_place = PyFloat_AsDouble(args[12]);
    if (PyErr_Occurred()) return NULL;
    if (take_arrays(&a, args, "B2 B2 f2 l1 l1 l1w B1w B1w l1w B1w l1w") < 0) return NULL;
    Py_ssize_t n = length(&a, 0, 0), m = length(&a, 1, 0), columns = length(&a, 4, 0);
    int fits = length(&a, 0, 1) == 32 && length(&a, 1, 1) == 32 && length(&a, 2, 0) == m && length(&a, 2, 1) == 2;
    for (int number = 5; number < 11; number++)
        fits &= length(&a, number, 0) == (number == 8 || number == 9 ? m : n);
    fits &= all_below(a.view[3].buf, length(&a, 3, 0), n) && all_below(a.view[4].buf, columns, m) && columns > 0;
    if (require(&a, fits, "arrays of other sizes, or keypoints outside them") < 0) return NULL;
    Comparison c = {
        .query = a.view[0].buf, .reference = a.view[1].buf, .places = a.view[2].buf, .rows = a.view[3].buf,
        .columns = a.view[4].buf, .row_count = length(&a, 3, 0), .column_count = columns, .best = a.view[5].buf,
        .bits = a.view[6].buf, .second = a.view[7].buf, .back = a.view[8].buf, .back_bits = a.view[9].buf,
        .alike = a.view[10].buf, .alike_bits = (unsigned)alike_bits, .same_place = (float)same_place,
    };
    char *memory = malloc((size_t)columns * (32 + 4 + 4 + 1));
    if (!memory) {
        release_arrays(&a);
        return PyErr_NoMemory();
    }
    c.words = (uint64_t *)memory;
    c.x = (float *)(memory + 32 * columns);
    c.y = c.x + columns;
    c.distances = (uint8_t *)(c.y + columns);
    Py_BEGIN_ALLOW_THREADS
    compare_rows(&c);
    Py_END_ALLOW_THREADS
    free(memory);
    release_arrays(&a);
    Py_RETURN_NONE;
}

/* Writes the pairs of alike keypoints from entry `done` on, and returns behind which entry they end; -1 when there
is no room. */
COUNTS_BITS static Py_ssize_t write_alike(const Arrays *a, unsigned alike_bits, Py_ssize_t done) {
    const uint64_t *query = a->view[0].buf, *reference = a->view[1].buf;
    const int64_t *rows = a->view[2].buf, *columns = a->view[3].buf;
    int64_t *pairs = a->view[4].buf;
    for (Py_ssize_t i = 0; i < length(a, 2, 0); i++) {
        for (Py_ssize_t j = 0; j < length(a, 3, 0); j++) {
            if (distance(query + 4 * rows[i], reference + 4 * columns[j]) > alike_bits) continue;
            if (done >= length(a, 4, 0)) return -1;
            pairs[2 * done] = rows[i];
            pairs[2 * done + 1] = columns[j];
            done++;
        }
    }
    return done;
}

static PyObject *alike(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    Arrays a;
    if (!has_arguments(given, 7)) return NULL;
    long alike_bits = PyLong_AsLong(args[5]);
    Py_ssize_t done = PyLong_AsSsize_t(args[6]);
    if (PyErr_Occurred()) return NULL;
    if (take_arrays(&a, args, "B2 B2 l1 l1 l2w") < 0) return NULL;
    int fits = length(&a, 0, 1) == 32 && length(&a, 1, 1) == 32 && length(&a, 4, 1) == 2 && done >= 0 &&
               all_below(a.view[2].buf, length(&a, 2, 0), length(&a, 0, 0)) &&
               all_below(a.view[3].buf, length(&a, 3, 0), length(&a, 1, 0));
    if (require(&a, fits, "arrays of other sizes, or keypoints outside them") < 0) return NULL;
    Py_BEGIN_ALLOW_THREADS
    done = write_alike(&a, (unsigned)alike_bits, done);
    Py_END_ALLOW_THREADS
    if (require(&a, done >= 0, "more pairs than were counted") < 0) return NULL;
    release_arrays(&a);
    return PyLong_FromSsize_t(done);
}

static PyMethodDef methods[] = {
    {"compare", (PyCFunction)(void (*)(void))compare, METH_FASTCALL, NULL},
    {"alike", (PyCFunction)(void (*)(void))alike, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

KERNEL_MODULE(_matching, methods)
