/* Kernel of arrangement.py: the fullest cell of each image.

Most pairs stand alone in their cell and count nothing. So cells are counted first, in a table that may mix up two of
them and then only keeps more; what is left is sorted, and summed as numpy sums. */
#include "../native.h"

/* How a keypoint lies in its 16 bits: the constants of arrangement.py. */
typedef struct {
    uint32_t levels, angles, across, down, grain;
} Grid;

typedef struct {
    const float *keypoints;
    const int64_t *level, *angle;
    const float *cosine, *sine;
    const double *weights;
    const int64_t *images, *slots;
    const uint16_t *quantised;
    Py_ssize_t pairs, weight_count;
    uint32_t per_keypoint;
    int64_t kinds;
    int32_t cells_across, cells_down;
    float cell;
    Grid grid;
    double *best;
    Py_ssize_t keypoint_count;
    /* One entry for each pair. */
    float *move_x, *move_y;
    int64_t *arrangement;
    uint64_t *keys, *spare;
    /* How many pairs each cell has, at most 2; a power of two of entries. */
    uint8_t *held;
    unsigned held_bits;
} Votes;

/* The remainder with the sign of the divisor. Divisions of 32 bits take a third of the time of those of 64. */
static inline int64_t modulo(int64_t number, int32_t by) {
    int64_t rest = (int32_t)number == number ? (int32_t)number % by : number % by;
    return rest < 0 ? rest + by : rest;
}

static inline int64_t floored(float number) {
    int64_t whole = (int64_t)number;
    return whole - ((float)whole > number);
}

/* Where the picture of each pair would lie. Sums are those of numpy in f32, one operation after the other. */
static void place_pairs(Votes *v) {
    float middle = (float)v->grid.grain / 2, grain = (float)v->grid.grain;
    Grid grid = v->grid;
    for (Py_ssize_t p = 0; p < v->pairs; p++) {
        uint32_t own = (uint32_t)v->slots[p] / v->per_keypoint, rest = v->quantised[p];
        float x = (float)(rest % grid.across) * grain + middle;
        rest /= grid.across;
        float y = (float)(rest % grid.down) * grain + middle;
        rest /= grid.down;
        int64_t level = rest % grid.levels, angle = rest / grid.levels % grid.angles;
        int64_t turned = angle - v->angle[own];
        int64_t kind = (level - v->level[own] + grid.levels - 1) * grid.angles +
                       (turned < 0 ? turned + grid.angles : turned);
        float a = v->keypoints[4 * own], b = v->keypoints[4 * own + 1];
        float cosine = v->cosine[kind], sine = v->sine[kind];
        v->move_x[p] = (x - cosine * a + sine * b) / v->cell;
        v->move_y[p] = (y - sine * a - cosine * b) / v->cell;
        v->arrangement[p] = v->images[p] * v->kinds + kind;
    }
}

static inline size_t entry(const Votes *v, uint64_t cell) {
    return (size_t)(cell * UINT64_C(0x9E3779B97F4A7C15) >> (64 - v->held_bits));
}

/* The pairs whose cell may have another one, as cell * number of weights + slot. */
static Py_ssize_t crowded_keys(Votes *v, float offset) {
    memset(v->held, 0, (size_t)1 << v->held_bits);
    for (Py_ssize_t p = 0; p < v->pairs; p++) {
        int64_t column = modulo(floored(v->move_x[p] + offset), v->cells_across);
        int64_t row = modulo(floored(v->move_y[p] + offset), v->cells_down);
        uint64_t cell = (uint64_t)((v->arrangement[p] * v->cells_across + column) * v->cells_down + row);
        v->spare[p] = cell;
        uint8_t *held = &v->held[entry(v, cell)];
        *held += *held < 2;
    }
    Py_ssize_t kept = 0;
    for (Py_ssize_t p = 0; p < v->pairs; p++)
        if (v->held[entry(v, v->spare[p])] > 1)
            v->keys[kept++] = v->spare[p] * (uint64_t)v->weight_count + (uint64_t)v->slots[p];
    return kept;
}

/* Sort `keys` by their bytes, the least significant first, with `spare` of the same size; returns where they are. */
static uint64_t *sorted(uint64_t *keys, uint64_t *spare, Py_ssize_t count) {
    uint64_t most = 0;
    for (Py_ssize_t at = 0; at < count; at++) most |= keys[at];
    for (unsigned shift = 0; shift < 64 && most >> shift; shift += 8) {
        Py_ssize_t starts[257] = {0};
        for (Py_ssize_t at = 0; at < count; at++) starts[(keys[at] >> shift & 255) + 1]++;
        for (int digit = 0; digit < 256; digit++) starts[digit + 1] += starts[digit];
        for (Py_ssize_t at = 0; at < count; at++) spare[starts[keys[at] >> shift & 255]++] = keys[at];
        uint64_t *other = keys;
        keys = spare;
        spare = other;
    }
    return keys;
}

/* numpy's pairwise sum, which np.add.reduceat adds to the first value of a run. */
static double pairwise_sum(const double *values, Py_ssize_t count) {
    if (count < 8) {
        double sum = -0.0;
        for (Py_ssize_t at = 0; at < count; at++) sum += values[at];
        return sum;
    }
    if (count <= 128) {
        double part[8];
        Py_ssize_t at = 8;
        memcpy(part, values, sizeof part);
        for (; at < count - count % 8; at += 8)
            for (int each = 0; each < 8; each++) part[each] += values[at + each];
        double sum = ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
        for (; at < count; at++) sum += values[at];
        return sum;
    }
    Py_ssize_t half = count / 2;
    half -= half % 8;
    return pairwise_sum(values, half) + pairwise_sum(values + half, count - half);
}

/* The sums of all cells of these keys; in a cell each keypoint votes once, and the heaviest vote does not count. */
static void sum_cells(Votes *v, const uint64_t *keys, Py_ssize_t count, double *run) {
    int64_t cells_of_image = v->kinds * v->cells_across * v->cells_down;
    uint64_t slots = (uint64_t)v->weight_count;
    Py_ssize_t at = 0;
    while (at < count) {
        uint64_t cell = keys[at] / slots, keypoint = UINT64_MAX;
        Py_ssize_t votes = 0;
        double heaviest = 0;
        for (; at < count && keys[at] / slots == cell; at++) {
            uint64_t slot = keys[at] % slots, of = slot / v->per_keypoint;
            if (of == keypoint) continue;
            keypoint = of;
            double weight = v->weights[slot];
            if (!votes || weight > heaviest) heaviest = weight;
            run[votes++] = weight;
        }
        if (votes < 2) continue;
        double sum = run[0] + pairwise_sum(run + 1, votes - 1) - heaviest;
        double *best = &v->best[cell / (uint64_t)cells_of_image];
        if (sum > *best) *best = sum;
    }
}

static int vote(Votes *v) {
    v->held_bits = 10;
    while (v->held_bits < 30 && ((Py_ssize_t)1 << v->held_bits) < 2 * v->pairs) v->held_bits++;
    size_t pairs = (size_t)v->pairs;
    char *memory = malloc(pairs * (4 + 4 + 8 + 8 + 8) + ((size_t)1 << v->held_bits) +
                          (size_t)v->keypoint_count * sizeof(double));
    if (!memory) return -1;
    v->keys = (uint64_t *)memory;
    v->spare = v->keys + pairs;
    v->arrangement = (int64_t *)(v->spare + pairs);
    double *run = (double *)(v->arrangement + pairs);
    v->move_x = (float *)(run + v->keypoint_count);
    v->move_y = v->move_x + pairs;
    v->held = (uint8_t *)(v->move_y + pairs);
    place_pairs(v);
    /* A second grid lies half a cell beside the first. */
    for (int half = 0; half < 2; half++) {
        Py_ssize_t count = crowded_keys(v, half ? 0.5f : 0.0f);
        sum_cells(v, sorted(v->keys, v->spare, count), count, run);
    }
    free(memory);
    return 0;
}

static PyObject *fullest(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    Arrays a;
    long long sizes[8];
    if (!has_arguments(given, 18)) return NULL;
    for (int number = 0; number < 8; number++) sizes[number] = PyLong_AsLongLong(args[10 + number]);
    if (PyErr_Occurred()) return NULL;
    if (take_arrays(&a, args, "f2 l1 l1 f1 f1 d2 l1 l1 H1 d1w") < 0) return NULL;
    Py_ssize_t n = length(&a, 0, 0), pairs = length(&a, 6, 0);
    Votes v = {
        .keypoints = a.view[0].buf, .level = a.view[1].buf, .angle = a.view[2].buf, .cosine = a.view[3].buf,
        .sine = a.view[4].buf, .weights = a.view[5].buf, .images = a.view[6].buf, .slots = a.view[7].buf,
        .quantised = a.view[8].buf, .best = a.view[9].buf, .pairs = pairs, .keypoint_count = n,
        .weight_count = length(&a, 5, 0) * length(&a, 5, 1), .per_keypoint = (uint32_t)length(&a, 5, 1),
        .kinds = length(&a, 3, 0), .cell = (float)sizes[0], .cells_across = (int32_t)sizes[1],
        .cells_down = (int32_t)sizes[2],
        .grid = {(uint32_t)sizes[3], (uint32_t)sizes[4], (uint32_t)sizes[5], (uint32_t)sizes[6], (uint32_t)sizes[7]},
    };
    int fits = 1;
    for (int number = 0; number < 8; number++) fits &= sizes[number] > 0 && sizes[number] < 65536;
    fits = fits && length(&a, 0, 1) == 4 && length(&a, 1, 0) == n && length(&a, 2, 0) == n && length(&a, 5, 0) == n &&
               v.kinds == (2 * sizes[3] - 1) * sizes[4] && length(&a, 4, 0) == v.kinds &&
               length(&a, 7, 0) == pairs && length(&a, 8, 0) == pairs && v.weight_count < INT32_MAX &&
               all_below(v.images, pairs, length(&a, 9, 0)) && all_below(v.slots, pairs, v.weight_count) &&
               all_below(v.level, n, sizes[3]) && all_below(v.angle, n, sizes[4]);
    if (require(&a, fits, "arrays of other sizes, or numbers outside them") < 0) return NULL;
    int failed;
    Py_BEGIN_ALLOW_THREADS
    failed = vote(&v);
    Py_END_ALLOW_THREADS
    release_arrays(&a);
    if (failed) return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"fullest", (PyCFunction)(void (*)(void))fullest, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

KERNEL_MODULE(_arrangement, methods)
