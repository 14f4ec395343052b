/* Blurring an 8-bit image and keeping every step-th pixel: see sampling.py.

   Every product and partial sum is an integer below 2^24, which float holds exactly. So the order
   of the additions, fused ones and the width of vectors change no bit, and the compiler may choose.
*/
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compiled.h"

enum { LANES = 8, BLOCK = 4 * LANES, MIDDLE = 128 };

typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

typedef struct {
    int64_t offset; /* from the first column of a block, in a row that is laid out by phases */
    float weight;
} tap;

/* One row of the image, mirrored at its ends, as planes of phases: pixel step*x + b is pixel x of
   phase b. */
static void lay_out(const uint8_t *row, int64_t width, int channels, int step, int64_t left,
                    int64_t columns, float *out)
{
    for (int channel = 0; channel < channels; channel++)
        for (int phase = 0; phase < step; phase++, out += columns) {
            int64_t at = left + phase, x = 0;
            for (; x < columns && at < 0; x++, at += step)
                out[x] = (float)(row[mirrored(at, width) * channels + channel] - MIDDLE);
            const uint8_t *pixel = row + at * channels + channel;
            const int64_t stride = (int64_t)step * channels;
            int64_t inside = at < width ? (width - 1 - at) / step + 1 : 0;
            int64_t end = inside < columns - x ? x + inside : columns;
            at += (end - x) * step;
            for (; x < end; x++, pixel += stride)
                out[x] = (float)(*pixel - MIDDLE);
            for (; x < columns; x++, at += step)
                out[x] = (float)(row[mirrored(at, width) * channels + channel] - MIDDLE);
        }
}

/* The sums of one block of columns; rows[t] is where tap row t begins in its laid-out row. */
PER_PROCESSOR
static void add_block(const float *const *rows, const int32_t *counts, const tap *taps, int size,
                      float *out)
{
    lanes a = {0}, b = {0}, c = {0}, d = {0};
    for (int t = 0; t < size; t++) {
        const float *row = rows[t];
        for (int32_t n = counts[t]; n > 0; n--, taps++) {
            const float *p = row + taps->offset;
            const float w = taps->weight;
            a += *(const lanes *)p * w;
            b += *(const lanes *)(p + LANES) * w;
            c += *(const lanes *)(p + 2 * LANES) * w;
            d += *(const lanes *)(p + 3 * LANES) * w;
        }
    }
    *(lanes *)out = a;
    *(lanes *)(out + LANES) = b;
    *(lanes *)(out + 2 * LANES) = c;
    *(lanes *)(out + 3 * LANES) = d;
}

int degrade_sample(const uint8_t *image, int64_t height, int64_t width, int channels,
                   const float *weights, int size, int step, int64_t top, int64_t left,
                   int64_t rows, int64_t columns, float unit, float *out)
{
    /* A whole number of blocks, and what the taps read to their right. */
    const int64_t filled = (columns + BLOCK - 1) / BLOCK * BLOCK;
    const int64_t wide = filled + (size + step - 1) / step;
    const int64_t laid_out = wide * step * channels;
    tap *taps = malloc(sizeof(tap) * size * size);
    int32_t *counts = calloc(size, sizeof(int32_t));
    float *ring = malloc(sizeof(float) * laid_out * size);
    const float **seen = malloc(sizeof(float *) * size);
    int done = -1;
    if (taps && counts && ring && seen) {
        int64_t used = 0;
        for (int t = 0; t < size; t++)
            for (int u = 0; u < size; u++)
                if (weights[t * size + u] != 0) {
                    taps[used].weight = weights[t * size + u];
                    taps[used++].offset = (u % step) * wide + u / step;
                    counts[t]++;
                }
        int64_t next = 0; /* rows below `top` that are laid out */
        for (int64_t y = 0; y < rows; y++) {
            if (next < y * step)
                next = y * step;
            for (; next < y * step + size; next++)
                lay_out(image + mirrored(top + next, height) * width * channels, width, channels,
                        step, left, wide, ring + next % size * laid_out);
            for (int channel = 0; channel < channels; channel++)
                for (int64_t x = 0; x < columns; x += BLOCK) {
                    float sums[BLOCK];
                    for (int t = 0; t < size; t++)
                        seen[t] = ring + (y * step + t) % size * laid_out
                                  + channel * step * wide + x;
                    add_block(seen, counts, taps, size, sums);
                    const int64_t some = columns - x < BLOCK ? columns - x : BLOCK;
                    float *to = out + (y * columns + x) * channels + channel;
                    for (int64_t i = 0; i < some; i++)
                        to[i * channels] = sums[i] * unit + MIDDLE;
                }
        }
        done = 0;
    }
    free(taps);
    free(counts);
    free(ring);
    free(seen);
    return done;
}
