/* What the native kernels share: arrays of Python as C sees them.

A kernel gets numpy arrays through the buffer protocol and writes its results into arrays that its caller made, so
numpy is needed neither to compile it nor by its interface. Types, dimensions and sizes are checked before anything
is read; the work itself runs without the interpreter's lock. */
#ifndef DOUGLAS_QUAID_NATIVE_H
#define DOUGLAS_QUAID_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* spec: any x86-64 since 2008 counts bits in one instruction; other processors have their own. */
#if defined(__x86_64__)
#define COUNTS_BITS __attribute__((target("popcnt")))
#else
#define COUNTS_BITS
#endif

#define MOST_ARRAYS 16

/* The arrays of one call. */
typedef struct {
    Py_buffer view[MOST_ARRAYS];
    int count;
} Arrays;

static inline void release_arrays(Arrays *arrays) {
    while (arrays->count) PyBuffer_Release(&arrays->view[--arrays->count]);
}

/* Take one array for each word of `kinds`: a letter of its type (B: u8, H: u16, I: u32, l: i64, f: f32, d: f64,
?: bool), the number of its dimensions, and w if it is written. Returns 0, or -1 with an exception. */
static inline int take_arrays(Arrays *arrays, PyObject *const *objects, const char *kinds) {
    arrays->count = 0;
    for (const char *kind = kinds; *kind; kind += 2) {
        while (*kind == ' ') kind++;
        Py_buffer *view = &arrays->view[arrays->count];
        int written = kind[2] == 'w';
        int flags = PyBUF_FORMAT | PyBUF_C_CONTIGUOUS | (written ? PyBUF_WRITABLE : 0);
        if (PyObject_GetBuffer(objects[arrays->count], view, flags) < 0) {
            release_arrays(arrays);
            return -1;
        }
        arrays->count++;
        char type = view->format && view->format[0] && !view->format[1] ? view->format[0] : ' ';
        if (type == 'q') type = 'l';
        Py_ssize_t size = *kind == 'l' || *kind == 'd' ? 8 : *kind == 'f' || *kind == 'I' ? 4 : *kind == 'H' ? 2 : 1;
        if (type != *kind || view->itemsize != size || view->ndim != kind[1] - '0') {
            PyErr_Format(PyExc_TypeError, "array %d of the kernel must be %c with %c dimensions, not %s with %d",
                         arrays->count, *kind, kind[1], view->format ? view->format : "none", view->ndim);
            release_arrays(arrays);
            return -1;
        }
        kind += written;
    }
    return 0;
}

/* The number of entries along a dimension of array `number`. */
static inline Py_ssize_t length(const Arrays *arrays, int number, int dimension) {
    return arrays->view[number].shape[dimension];
}

/* Return 0 if `true`; otherwise release the arrays and return -1 with a ValueError. */
static inline int require(Arrays *arrays, int true, const char *what) {
    if (true) return 0;
    release_arrays(arrays);
    PyErr_SetString(PyExc_ValueError, what);
    return -1;
}

/* Whether all `numbers` lie between 0 and before `stop`. */
static inline int all_below(const int64_t *numbers, Py_ssize_t count, Py_ssize_t stop) {
    int64_t outside = 0;
    for (Py_ssize_t at = 0; at < count; at++) outside |= (numbers[at] < 0) | (numbers[at] >= stop);
    return !outside;
}

static inline int has_arguments(Py_ssize_t given, Py_ssize_t wanted) {
    if (given == wanted) return 1;
    PyErr_Format(PyExc_TypeError, "the kernel takes %zd arguments, not %zd", wanted, given);
    return 0;
}

#define KERNEL_MODULE(name, methods)                                                              \
    static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, #name, NULL, 0, methods,        \
                                            NULL, NULL, NULL, NULL};                              \
    PyMODINIT_FUNC PyInit_##name(void) { return PyModuleDef_Init(&definition); }

#endif
