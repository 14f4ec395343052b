/* How much levels vary around each pixel: see local_variance.py.

   Sums are of whole numbers, so their order changes nothing, and each result is rounded once. Where
   something is made of it, each operation is rounded on its own, as NumPy does it: the last sum is a
   function of its own, lest a compiler fuse it with the product before it.
*/
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "compiled.h"

enum { REACH = 3, ROWS = 2 * REACH + 1, CHANNELS = 3, PARTS = 256 };

/* As in degrade/degradation/steps/linear_light.py; all of them sum to 64. */
static const int32_t WEIGHTS[REACH + 1] = {20, 15, 6, 1};
#define ALL 64

/* Whole levels, 0 … 255, halves to even. */
static void round_row(const float *restrict levels, int64_t count, int32_t *restrict out)
{
    const float whole = 8388608; /* 2^23: floats of that size have no fraction */
    for (int64_t i = 0; i < count; i++) {
        float level = levels[i];
        level = level > 0 ? level : 0;
        level = level < 255 ? level : 255;
        out[i] = (int32_t)((level + whole) - whole);
    }
}

/* Sums along a row, of levels and of their squares. `row` has three mirrored pixels at each end. */
static void sum_row(const int32_t *restrict row, int64_t count, int32_t *restrict sums,
                    int32_t *restrict squares)
{
    for (int64_t i = 0; i < count; i++) {
        const int32_t *at = row + i;
        int32_t sum = WEIGHTS[0] * at[REACH * CHANNELS], square = sum * at[REACH * CHANNELS];
        for (int far = 1; far <= REACH; far++) {
            const int32_t left = at[(REACH - far) * CHANNELS], right = at[(REACH + far) * CHANNELS];
            sum += WEIGHTS[far] * (left + right);
            square += WEIGHTS[far] * (left * left + right * right);
        }
        sums[i] = sum;
        squares[i] = square;
    }
}

/* The variance: squares below 2^53, whose difference is exact. */
static void join_rows(const int32_t *const *rows, int64_t count, int64_t stride,
                      float *restrict out)
{
    const double unit = 1.0 / (ALL * ALL) / (ALL * ALL);
    for (int64_t i = 0; i < count; i++) {
        int32_t sum = WEIGHTS[0] * rows[REACH][i], square = WEIGHTS[0] * rows[REACH][stride + i];
        for (int far = 1; far <= REACH; far++) {
            const int32_t *above = rows[REACH - far], *below = rows[REACH + far];
            sum += WEIGHTS[far] * (above[i] + below[i]);
            square += WEIGHTS[far] * (above[stride + i] + below[stride + i]);
        }
        const double mean = sum;
        out[i] = (float)(((double)square * (ALL * ALL) - mean * mean) * unit);
    }
}

int degrade_local_variance(const float *levels, int64_t height, int64_t width, float *out)
{
    const int64_t count = width * CHANNELS;
    int32_t *memory = malloc(sizeof(int32_t) * (size_t)(2 * ROWS * count + count
                                                        + 2 * REACH * CHANNELS));
    if (!memory)
        return -1;
    int32_t *const row = memory + 2 * ROWS * count;
    int64_t made = 0;
    for (int64_t y = 0; y < height; y++) {
        for (; made < height && made <= y + REACH; made++) {
            int32_t *const whole = row + REACH * CHANNELS;
            round_row(levels + made * count, count, whole);
            for (int64_t far = 1; far <= REACH; far++)
                for (int channel = 0; channel < CHANNELS; channel++) {
                    const int64_t first = mirrored(-far, width), last = mirrored(width - 1 + far, width);
                    whole[-far * CHANNELS + channel] = whole[first * CHANNELS + channel];
                    whole[(width - 1 + far) * CHANNELS + channel] = whole[last * CHANNELS + channel];
                }
            int32_t *const sums = memory + 2 * count * (made % ROWS);
            sum_row(row, count, sums, sums + count);
        }
        const int32_t *rows[ROWS];
        for (int at = 0; at < ROWS; at++)
            rows[at] = memory + 2 * count * (mirrored(y + at - REACH, height) % ROWS);
        join_rows(rows, count, count, out + y * count);
    }
    free(memory);
    return 0;
}

/* Add whole parts of a row's variances to a sum for each place of a group of pixels. */
enum { TOGETHER = 16 };

APART
static void add_parts(const float *restrict variances, int64_t groups, int64_t *restrict sums)
{
    for (int64_t i = 0; i < groups; i++)
        for (int j = 0; j < TOGETHER * CHANNELS; j++)
            sums[j] += (int32_t)rintf(variances[i * TOGETHER * CHANNELS + j] * PARTS);
}

APART
static void centre(float *restrict values, int64_t groups, const float *restrict means, float gain)
{
    for (int64_t i = 0; i < groups; i++)
        for (int j = 0; j < TOGETHER * CHANNELS; j++) {
            float *const value = values + i * TOGETHER * CHANNELS + j;
            *value = (*value - means[j]) * gain;
        }
}

APART
static void add(float *restrict values, const float *restrict levels, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        values[i] += levels[i];
}

int degrade_linear_light(const float *levels, int64_t height, int64_t width, float gain, float *out)
{
    const int64_t pixels = height * width, groups = pixels / TOGETHER;
    int64_t sums[TOGETHER * CHANNELS] = {0}, totals[CHANNELS] = {0};
    float means[TOGETHER * CHANNELS];
    if (degrade_local_variance(levels, height, width, out))
        return -1;
    float *const rest = out + groups * TOGETHER * CHANNELS;
    const int left = (int)(pixels - groups * TOGETHER) * CHANNELS;
    add_parts(out, groups, sums);
    for (int j = 0; j < TOGETHER * CHANNELS; j++)
        totals[j % CHANNELS] += sums[j] + (j < left ? (int32_t)rintf(rest[j] * PARTS) : 0);
    for (int j = 0; j < TOGETHER * CHANNELS; j++)
        means[j] = (float)((double)totals[j % CHANNELS] / (double)(PARTS * pixels));
    centre(out, groups, means, gain);
    for (int j = 0; j < left; j++)
        rest[j] = (rest[j] - means[j]) * gain;
    add(out, levels, pixels * CHANNELS);
    return 0;
}
