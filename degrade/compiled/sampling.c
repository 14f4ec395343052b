/* Blurring an 8-bit image and keeping LR's pixels, in floats: see sampling.py.

   Every product and partial sum of one set of taps is an integer below 2^24, which float holds
   exactly. So the order of the additions, fused ones and the width of vectors change no bit, and
   the compiler may choose. Two such sums are put together in double, which holds that exactly too,
   and rounded once.
*/
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compiled.h"
#include "sampling.h"

enum { LANES = 8, BLOCK = 4 * LANES };

typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

typedef struct {
    int64_t offset; /* from the first column of a block, in a row that is laid out by phases */
    float coarse, fine;
} tap;

typedef float quad __attribute__((vector_size(16), aligned(4), may_alias));

#if defined(__clang__)
#define LOW_HALVES(p, q) __builtin_shufflevector(p, q, 0, 4, 1, 5)
#define HIGH_HALVES(p, q) __builtin_shufflevector(p, q, 2, 6, 3, 7)
#define FIRST_TWO(p, q) __builtin_shufflevector(p, q, 0, 1, 4, 5)
#define LAST_TWO(p, q) __builtin_shufflevector(p, q, 2, 3, 6, 7)
#else
typedef int32_t places __attribute__((vector_size(16)));
#define LOW_HALVES(p, q) __builtin_shuffle(p, q, (places){0, 4, 1, 5})
#define HIGH_HALVES(p, q) __builtin_shuffle(p, q, (places){2, 6, 3, 7})
#define FIRST_TWO(p, q) __builtin_shuffle(p, q, (places){0, 1, 4, 5})
#define LAST_TWO(p, q) __builtin_shuffle(p, q, (places){2, 3, 6, 7})
#endif

/* `count` pixels of a row from `left` on, mirrored at its ends. */
static inline __attribute__((always_inline)) void read_pixels(const uint8_t *row, int64_t width, int channels, int64_t left, int64_t count,
                        float *restrict out)
{
    int64_t x = 0;
    for (; x < count && left + x < 0; x++)
        for (int channel = 0; channel < channels; channel++)
            *out++ = (float)(row[mirrored(left + x, width) * channels + channel] - MIDDLE);
    const int64_t inside = left + x < width ? width - left - x : 0;
    const int64_t some = inside < count - x ? inside : count - x;
    const uint8_t *from = row + (left + x) * channels;
    for (int64_t i = 0; i < some * channels; i++)
        out[i] = (float)(from[i] - MIDDLE);
    out += some * channels;
    for (x += some; x < count; x++)
        for (int channel = 0; channel < channels; channel++)
            *out++ = (float)(row[mirrored(left + x, width) * channels + channel] - MIDDLE);
}

/* One row of the image, mirrored at its ends, as planes of phases: pixel step*x + b is pixel x of
   phase b. `columns` is a multiple of four; `line` is as large as `out`. */
static void lay_out(const uint8_t *row, int64_t width, int channels, int step, int64_t left,
                    int64_t columns, float *restrict line, float *restrict out)
{
    const int period = step * channels;
    read_pixels(row, width, channels, left, columns * step, line);
    for (int from = 0; from < period; from += 4) {
        /* Four samples of a period become four planes; the last four may have been some before. */
        const int first = from + 4 <= period || period < 4 ? from : period - 4;
        float *to[4] = {0};
        for (int j = 0; j < 4 && first + j < period; j++)
            to[j] = out + ((first + j) % channels * step + (first + j) / channels) * columns;
        const float *in = line + first;
        if (period < 4)
            for (int64_t x = 0; x < columns; x++, in += period)
                for (int j = 0; j < period; j++)
                    to[j][x] = in[j];
        else
            for (int64_t x = 0; x < columns; x += 4, in += 4 * period) {
                const quad a = *(const quad *)in, b = *(const quad *)(in + period);
                const quad c = *(const quad *)(in + 2 * period), d = *(const quad *)(in + 3 * period);
                const quad e = LOW_HALVES(a, b), f = HIGH_HALVES(a, b);
                const quad g = LOW_HALVES(c, d), h = HIGH_HALVES(c, d);
                *(quad *)(to[0] + x) = FIRST_TWO(e, g);
                *(quad *)(to[1] + x) = LAST_TWO(e, g);
                *(quad *)(to[2] + x) = FIRST_TWO(f, h);
                *(quad *)(to[3] + x) = LAST_TWO(f, h);
            }
    }
}

/* The coarse and the fine sums of BLOCK columns; rows[t] is where tap row t begins in its laid-out
   row. Of each row counts[0] taps have both parts, then counts[1] have a fine one alone. */
static void add_block(const float *const *rows, const int32_t (*counts)[2], const tap *taps,
                      int size, float *coarse, float *fine)
{
    lanes a = {0}, b = {0}, c = {0}, d = {0}, e = {0}, f = {0}, g = {0}, h = {0};
    for (int t = 0; t < size; t++) {
        for (int32_t n = counts[t][0]; n > 0; n--, taps++) {
            const float *p = rows[t] + taps->offset;
            const float w = taps->coarse, v = taps->fine;
            const lanes first = *(const lanes *)p, second = *(const lanes *)(p + LANES);
            const lanes third = *(const lanes *)(p + 2 * LANES);
            const lanes fourth = *(const lanes *)(p + 3 * LANES);
            a += first * w;
            b += second * w;
            c += third * w;
            d += fourth * w;
            e += first * v;
            f += second * v;
            g += third * v;
            h += fourth * v;
        }
        for (int32_t n = counts[t][1]; n > 0; n--, taps++) {
            const float *p = rows[t] + taps->offset;
            const float v = taps->fine;
            e += *(const lanes *)p * v;
            f += *(const lanes *)(p + LANES) * v;
            g += *(const lanes *)(p + 2 * LANES) * v;
            h += *(const lanes *)(p + 3 * LANES) * v;
        }
    }
    *(lanes *)coarse = a;
    *(lanes *)(coarse + LANES) = b;
    *(lanes *)(coarse + 2 * LANES) = c;
    *(lanes *)(coarse + 3 * LANES) = d;
    *(lanes *)fine = e;
    *(lanes *)(fine + LANES) = f;
    *(lanes *)(fine + 2 * LANES) = g;
    *(lanes *)(fine + 3 * LANES) = h;
}

/* The same of LANES columns, where no more are left. */
static void add_lanes(const float *const *rows, const int32_t (*counts)[2], const tap *taps,
                      int size, float *coarse, float *fine)
{
    lanes a = {0}, e = {0};
    for (int t = 0; t < size; t++)
        for (int32_t n = counts[t][0] + counts[t][1]; n > 0; n--, taps++) {
            const lanes first = *(const lanes *)(rows[t] + taps->offset);
            a += first * taps->coarse;
            e += first * taps->fine;
        }
    *(lanes *)coarse = a;
    *(lanes *)fine = e;
}

static int sample_in_floats(const sampling *all)
{
    const int channels = all->channels, every = all->every, size = all->size, step = all->step;
    const int32_t *const starts = all->starts;
    const int64_t rows = all->rows, columns = all->columns;
    /* A whole number of blocks, and what the taps read to their right. */
    const int64_t filled = (columns / every + BLOCK - 1) / BLOCK * BLOCK;
    const int64_t wide = (filled + (starts[every - 1] + size + step - 1) / step + 3) / 4 * 4;
    const int64_t laid_out = wide * step * channels;
    const int64_t set = (int64_t)size * size, sets = (int64_t)every * every;
    tap *taps = malloc(sizeof(tap) * sets * set);
    int32_t(*counts)[2] = calloc(sets * size, sizeof(*counts));
    float *ring = malloc(sizeof(float) * laid_out * size);
    float *line = malloc(sizeof(float) * laid_out);
    const float **seen = malloc(sizeof(float *) * size);
    int done = NO_MEMORY;
    if (taps && counts && ring && line && seen) {
        for (int64_t s = 0; s < sets; s++) {
            tap *next = taps + s * set;
            for (int t = 0; t < size; t++)
                for (int part = 0; part < 2; part++)
                    for (int u = 0; u < size; u++) {
                        const int64_t from = s * set + t * size + u;
                        const int at = starts[s % every] + u;
                        const int alone = all->coarse[from] == 0;
                        if (alone != part || (alone && all->fine[from] == 0))
                            continue;
                        next->coarse = all->coarse[from];
                        next->fine = all->fine[from];
                        next++->offset = (at % step) * wide + at / step;
                        counts[s * size + t][part]++;
                    }
        }
        int64_t next = 0; /* rows below `top` that are laid out */
        for (int64_t y = 0; y < rows; y++) {
            const int64_t first = y / every * step + starts[y % every];
            if (next < first)
                next = first;
            for (; next < first + size; next++)
                lay_out(all->image + mirrored(all->top + next, all->height) * all->width * channels,
                        all->width, channels, step, all->left, wide, line,
                        ring + next % size * laid_out);
            for (int phase = 0; phase < every; phase++) {
                const int64_t s = y % every * every + phase, count = columns / every;
                const double unit = all->units[2 * s], finer = all->units[2 * s + 1];
                for (int channel = 0; channel < channels; channel++)
                    for (int64_t x = 0, some; x < count; x += some) {
                        float sums[BLOCK], rest[BLOCK];
                        const int64_t most = count - x > 2 * LANES ? BLOCK : LANES;
                        some = count - x < most ? count - x : most;
                        for (int t = 0; t < size; t++)
                            seen[t] = ring + (first + t) % size * laid_out
                                      + channel * step * wide + x;
                        (most == BLOCK ? add_block : add_lanes)(
                            seen, counts + s * size, taps + s * set, size, sums, rest);
                        float *to =
                            all->out + ((y * columns + x * every + phase) * channels + channel);
                        for (int64_t i = 0; i < some; i++)
                            to[i * every * channels] =
                                (float)(sums[i] * unit + rest[i] * finer + MIDDLE);
                    }
            }
        }
        done = 0;
    }
    free(taps);
    free(counts);
    free(ring);
    free(line);
    free(seen);
    return done;
}

/* Returns the form that was taken, or NO_MEMORY. */
int degrade_sample(const uint8_t *image, int64_t height, int64_t width, int channels,
                   const float *coarse, const float *fine, const double *units, int every,
                   const int32_t *starts, int size, int step, int64_t top, int64_t left,
                   int64_t rows, int64_t columns, int form, float *out)
{
    const sampling all = {image, height, width, channels, coarse, fine, units, every, starts,
                          size,  step,   top,   left,     rows,   columns, out};
    const int taken = form == FLOATS ? NOT_SO : sample_in_pairs(&all, form);
    if (taken != NOT_SO)
        return taken;
    const int failed = sample_in_floats(&all);
    return failed ? failed : FLOATS;
}
