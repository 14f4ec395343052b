/* What the two compiled forms of sampling share: see sampling.py. */
#ifndef DEGRADE_SAMPLING_H
#define DEGRADE_SAMPLING_H

#include <stdint.h>

enum { MIDDLE = 128 };

/* Which form to take: the best that there is, in floats, in pairs with AVX2 or AVX-512, or in fours
   with AVX-512. */
enum { BEST, FLOATS, PAIRS_256, PAIRS_512, QUADS_512 };

/* LR pixels r, r + every, ... of a row are made by one set of taps each; starts[r] is the HR pixel,
   of the first `step`, that the first of its taps reads. Sets come row by row of phases. */
typedef struct {
    const uint8_t *image;
    int64_t height, width;
    int channels;
    const float *coarse, *fine;
    const double *units;
    int every;
    const int32_t *starts;
    int size, step;
    int64_t top, left, rows, columns;
    float *out;
} sampling;

enum { NO_MEMORY = -1, NOT_SO = -2 };

/* The form that was taken, or NO_MEMORY; or NOT_SO: none was built that these taps are for. */
int sample_in_pairs(const sampling *all, int form);

#endif
