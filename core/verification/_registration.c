/* Kernels of registration.py: similar keypoints near their predicted places, and the first pair of each keypoint. */
#include "../native.h"
#include <math.h>

/* The remainder with the sign of the divisor, as numpy has it; `by` is positive. */
static inline double remainder_of(double number, double by) {
    double rest = fmod(number, by);
    return rest < 0 ? rest + by : rest;
}

typedef struct {
    /* Predicted places of the query's keypoints, and places of the reference's, sorted by their cell. */
    const double *points, *places;
    const float *angles, *place_angles;
    const uint64_t *words, *place_words;
    /* Points that have places around them, and for three rows of cells which places those are. */
    const int64_t *inside, *firsts, *lasts, *order;
    Py_ssize_t count;
    double radius, rotation, maximum_rotation;
    int maximum_bits;
    int64_t *pairs, *bits;
    Py_ssize_t room;
} Join;

COUNTS_BITS static Py_ssize_t join(const Join *j) {
    Py_ssize_t done = 0;
    for (Py_ssize_t at = 0; at < 3 * j->count; at++) {
        int64_t point = j->inside[at % j->count];
        for (int64_t next = j->firsts[at]; next < j->lasts[at]; next++) {
            int64_t place = j->order[next];
            if (!(fabs(j->points[2 * point] - j->places[2 * place]) <= j->radius)) continue;
            if (!(fabs(j->points[2 * point + 1] - j->places[2 * place + 1]) <= j->radius)) continue;
            const uint64_t *one = j->words + 4 * point, *other = j->place_words + 4 * place;
            int bits = __builtin_popcountll(one[0] ^ other[0]) + __builtin_popcountll(one[1] ^ other[1]) +
                       __builtin_popcountll(one[2] ^ other[2]) + __builtin_popcountll(one[3] ^ other[3]);
            if (bits > j->maximum_bits) continue;
            float rotated = j->place_angles[place] - j->angles[point];
            double off = fabs(remainder_of((double)rotated - j->rotation + 180, 360) - 180);
            if (!(off <= j->maximum_rotation)) continue;
            if (done >= j->room) return -1;
            j->pairs[2 * done] = point;
            j->pairs[2 * done + 1] = place;
            j->bits[done++] = bits;
        }
    }
    return done;
}

static PyObject *similar(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    Arrays a;
    if (!has_arguments(given, 16)) return NULL;
    Join j = {
        .radius = PyFloat_AsDouble(args[12]), .rotation = PyFloat_AsDouble(args[13]),
        .maximum_rotation = PyFloat_AsDouble(args[14]), .maximum_bits = (int)PyLong_AsLong(args[15]),
    };
    if (PyErr_Occurred()) return NULL;
    if (take_arrays(&a, args, "d2 d2 f1 f1 B2 B2 l1 l2 l2 l1 l2w l1w") < 0) return NULL;
    Py_ssize_t n = length(&a, 0, 0), m = length(&a, 1, 0);
    j.count = length(&a, 6, 0);
    j.room = length(&a, 11, 0);
    int fits = length(&a, 0, 1) == 2 && length(&a, 1, 1) == 2 && length(&a, 2, 0) == n && length(&a, 3, 0) == m &&
               length(&a, 4, 0) == n && length(&a, 4, 1) == 32 && length(&a, 5, 0) == m && length(&a, 5, 1) == 32 &&
               length(&a, 7, 0) == 3 && length(&a, 8, 0) == 3 && length(&a, 7, 1) == j.count &&
               length(&a, 8, 1) == j.count && length(&a, 9, 0) == m && length(&a, 10, 0) == j.room &&
               length(&a, 10, 1) == 2 && all_below(a.view[6].buf, j.count, n) &&
               all_below(a.view[7].buf, 3 * j.count, m + 1) && all_below(a.view[8].buf, 3 * j.count, m + 1) &&
               all_below(a.view[9].buf, m, m);
    if (require(&a, fits, "arrays of other sizes, or keypoints outside them") < 0) return NULL;
    j.points = a.view[0].buf, j.places = a.view[1].buf;
    j.angles = a.view[2].buf, j.place_angles = a.view[3].buf;
    j.words = a.view[4].buf, j.place_words = a.view[5].buf;
    j.inside = a.view[6].buf, j.firsts = a.view[7].buf, j.lasts = a.view[8].buf, j.order = a.view[9].buf;
    j.pairs = a.view[10].buf, j.bits = a.view[11].buf;
    Py_ssize_t done;
    Py_BEGIN_ALLOW_THREADS
    done = join(&j);
    Py_END_ALLOW_THREADS
    if (require(&a, done >= 0, "more pairs than there is room for") < 0) return NULL;
    release_arrays(&a);
    return PyLong_FromSsize_t(done);
}

static PyObject *first_of_both(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    Arrays a;
    if (!has_arguments(given, 4)) return NULL;
    if (take_arrays(&a, args, "l2 ?1w ?1w ?1w") < 0) return NULL;
    const int64_t *pairs = a.view[0].buf;
    uint8_t *first = a.view[1].buf, *one = a.view[2].buf, *other = a.view[3].buf;
    Py_ssize_t count = length(&a, 0, 0);
    int fits = length(&a, 0, 1) == 2 && length(&a, 1, 0) == count;
    for (Py_ssize_t at = 0; fits && at < count; at++)
        fits = pairs[2 * at] >= 0 && pairs[2 * at] < length(&a, 2, 0) && pairs[2 * at + 1] >= 0 &&
               pairs[2 * at + 1] < length(&a, 3, 0);
    if (require(&a, fits, "arrays of other sizes, or keypoints outside them") < 0) return NULL;
    for (Py_ssize_t at = 0; at < count; at++) {
        uint8_t *query = &one[pairs[2 * at]], *reference = &other[pairs[2 * at + 1]];
        first[at] = !*query && !*reference;
        *query = *reference = 1;
    }
    release_arrays(&a);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"similar", (PyCFunction)(void (*)(void))similar, METH_FASTCALL, NULL},
    {"first_of_both", (PyCFunction)(void (*)(void))first_of_both, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

KERNEL_MODULE(_registration, methods)
