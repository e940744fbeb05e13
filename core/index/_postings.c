/* Kernels of words.py: the postings of a query's words, counted or collected in one pass.

A posting is the number of a row * 65,536 + a quantised keypoint (postings.py); those of a word are sorted. */
#include "../native.h"

typedef struct {
    const uint32_t *postings;
    const int64_t *starts, *lengths;
    Py_ssize_t words;
} Runs;

/* Whether all runs lie inside the postings; `total` is the sum of their lengths. */
static int runs_fit(const Runs *runs, int64_t postings, int64_t *total) {
    *total = 0;
    for (Py_ssize_t word = 0; word < runs->words; word++) {
        int64_t start = runs->starts[word], count = runs->lengths[word];
        if (count < 0 || (count && (start < 0 || count > postings || start > postings - count))) return 0;
        *total += count;
    }
    return 1;
}

static PyObject *vote(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    Arrays a;
    if (!has_arguments(given, 5)) return NULL;
    if (take_arrays(&a, args, "I1 l1 l1 d1 d1w") < 0) return NULL;
    Runs runs = {a.view[0].buf, a.view[1].buf, a.view[2].buf, length(&a, 1, 0)};
    const double *weights = a.view[3].buf;
    double *votes = a.view[4].buf;
    int64_t total;
    int fits = length(&a, 2, 0) == runs.words && length(&a, 3, 0) == runs.words && length(&a, 4, 0) == 65536 &&
               runs_fit(&runs, length(&a, 0, 0), &total);
    if (require(&a, fits, "arrays of other sizes, or runs outside the postings") < 0) return NULL;
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t word = 0; word < runs.words; word++) {
        const uint32_t *posting = runs.postings + runs.starts[word], *end = posting + runs.lengths[word];
        double weight = weights[word];
        /* A word votes once for a row that has it at several keypoints; these postings are adjacent. */
        for (int64_t before = -1; posting < end; posting++) {
            int64_t row = *posting >> 16;
            if (row != before) votes[row] += weight;
            before = row;
        }
    }
    Py_END_ALLOW_THREADS
    release_arrays(&a);
    Py_RETURN_NONE;
}

static PyObject *held(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    Arrays a;
    if (!has_arguments(given, 7)) return NULL;
    if (take_arrays(&a, args, "I1 l1 l1 l1 l1w l1w H1w") < 0) return NULL;
    Runs runs = {a.view[0].buf, a.view[1].buf, a.view[2].buf, length(&a, 1, 0)};
    const int64_t *number = a.view[3].buf;
    int64_t *numbers = a.view[4].buf, *words = a.view[5].buf, total;
    uint16_t *quantised = a.view[6].buf;
    int fits = length(&a, 2, 0) == runs.words && length(&a, 3, 0) == 65536 &&
               runs_fit(&runs, length(&a, 0, 0), &total) && length(&a, 4, 0) >= total &&
               length(&a, 5, 0) >= total && length(&a, 6, 0) >= total;
    if (require(&a, fits, "arrays of other sizes, or runs outside the postings") < 0) return NULL;
    Py_ssize_t done = 0;
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t word = 0; word < runs.words; word++) {
        const uint32_t *posting = runs.postings + runs.starts[word], *end = posting + runs.lengths[word];
        for (; posting < end; posting++) {
            int64_t found = number[*posting >> 16];
            if (found < 0) continue;
            numbers[done] = found;
            words[done] = word;
            quantised[done++] = (uint16_t)*posting;
        }
    }
    Py_END_ALLOW_THREADS
    release_arrays(&a);
    return PyLong_FromSsize_t(done);
}

static PyMethodDef methods[] = {
    {"vote", (PyCFunction)(void (*)(void))vote, METH_FASTCALL, NULL},
    {"held", (PyCFunction)(void (*)(void))held, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

KERNEL_MODULE(_postings, methods)
