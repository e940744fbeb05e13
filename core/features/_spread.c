/* Kernel of local.py: which keypoints of a level are kept, by turns. */
#include "../native.h"

typedef struct {
    int64_t group;  /* cell or region */
    int64_t first;  /* what comes first within it, or among all */
    double second;  /* then this */
    int64_t index;  /* then the earlier one, so that the order does not depend on how it is sorted */
} Entry;

static int by_order(const void *one, const void *other) {
    const Entry *a = one, *b = other;
    if (a->group != b->group) return a->group < b->group ? -1 : 1;
    if (a->first != b->first) return a->first < b->first ? -1 : 1;
    if (a->second != b->second) return a->second < b->second ? -1 : 1;
    return a->index < b->index ? -1 : 1;
}

/* Replace `ranks` of each entry by the number of entries of its group before it; entries are sorted meanwhile. */
static void rank_in_groups(Entry *entries, Py_ssize_t count, int64_t *ranks) {
    qsort(entries, (size_t)count, sizeof(Entry), by_order);
    int64_t start = 0;
    for (Py_ssize_t at = 0; at < count; at++) {
        if (entries[at].group != entries[start].group) start = at;
        ranks[entries[at].index] = at - start;
    }
}

static PyObject *spread(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    Arrays a;
    if (!has_arguments(given, 6)) return NULL;
    int64_t cell = PyLong_AsLongLong(args[3]), region = PyLong_AsLongLong(args[4]), row = PyLong_AsLongLong(args[5]);
    if (PyErr_Occurred()) return NULL;
    if (take_arrays(&a, args, "l2 d1 l1w") < 0) return NULL;
    Py_ssize_t count = length(&a, 0, 0);
    const int64_t *places = a.view[0].buf;
    const double *responses = a.view[1].buf;
    int64_t *order = a.view[2].buf;
    int fits = length(&a, 0, 1) == 2 && length(&a, 1, 0) == count && length(&a, 2, 0) == count && cell > 0 &&
               region > 0 && row > 0 && all_below(places, 2 * count, row);
    if (require(&a, fits, "arrays of other sizes, or places outside the level") < 0) return NULL;
    Entry *entries = malloc(sizeof(Entry) * (size_t)(count ? count : 1));
    int64_t *ranks = malloc(sizeof(int64_t) * (size_t)(count ? count : 1));
    if (!entries || !ranks) {
        free(entries);
        free(ranks);
        release_arrays(&a);
        return PyErr_NoMemory();
    }
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t at = 0; at < count; at++) {
        int64_t number = places[2 * at + 1] / cell * row + places[2 * at] / cell;
        entries[at] = (Entry){number, 0, -responses[at], at};
    }
    rank_in_groups(entries, count, ranks);
    /* The strongest of each cell, then the second of each; the stronger first. */
    for (Py_ssize_t at = 0; at < count; at++) entries[at] = (Entry){0, ranks[at], -responses[at], at};
    rank_in_groups(entries, count, ranks);
    for (Py_ssize_t at = 0; at < count; at++) {
        int64_t number = places[2 * at + 1] / region * row + places[2 * at] / region;
        entries[at] = (Entry){number, ranks[at], 0, at};
    }
    int64_t *turns = order;
    rank_in_groups(entries, count, turns);
    for (Py_ssize_t at = 0; at < count; at++) entries[at] = (Entry){turns[at], ranks[at], 0, at};
    qsort(entries, (size_t)count, sizeof(Entry), by_order);
    for (Py_ssize_t at = 0; at < count; at++) order[at] = entries[at].index;
    Py_END_ALLOW_THREADS
    free(entries);
    free(ranks);
    release_arrays(&a);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"spread", (PyCFunction)(void (*)(void))spread, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

KERNEL_MODULE(_spread, methods)
