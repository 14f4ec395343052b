/* White noise that is stronger on slopes: see model_error.py.

   Each operation is rounded on its own, as NumPy does it. So no function adds to a product that it
   has made: a compiler may fuse such a pair, and round once. Products and sums are functions of their
   own, which are kept apart, and pass each other rows in memory.
*/
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "compiled.h"

enum { SHARED = 4, OWN = 3 }; /* as in degrade/degradation/steps/model_error.py */

/* Doubling is exact, so a fused operation rounds no differently. */
APART
static void make_grey(const float *restrict levels, int64_t width, float *restrict grey)
{
    for (int64_t x = 0; x < width; x++)
        grey[x] = levels[3 * x + 1] * 2 + levels[3 * x] + levels[3 * x + 2];
}

/* Twice the slope down and to the right. */
APART
static void find_slopes(const float *restrict above, const float *restrict grey,
                        const float *restrict below, int64_t width, float *restrict down,
                        float *restrict right)
{
    const float factor = above == grey || below == grey ? 2 : 1; /* one neighbour alone */
    for (int64_t x = 0; x < width; x++)
        down[x] = (below[x] - above[x]) * factor;
    for (int64_t x = 1; x < width - 1; x++)
        right[x] = grey[x + 1] - grey[x - 1];
    right[0] = width > 1 ? 2 * (grey[1] - grey[0]) : 0;
    if (width > 1)
        right[width - 1] = 2 * (grey[width - 1] - grey[width - 2]);
}

APART
static void square(float *restrict values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        values[i] *= values[i];
}

APART
static void find_steepness(const float *down, const float *restrict right, int64_t width,
                           float most, float slope, float *out)
{
    for (int64_t x = 0; x < width; x++) {
        const float steep = sqrtf(down[x] + right[x]) * 0.125f;
        out[x] = (steep > most ? most : steep) * slope;
    }
}

/* The noise of a row: four numbers of each word choose from the table. */
APART
static void draw(const uint64_t *restrict words, const int16_t *restrict table,
                 const float *restrict steepness, float base, int64_t width, float *restrict out)
{
    for (int64_t x = 0; x < width; x++) {
        const uint64_t word = words[x];
        const float size = steepness[x] + base;
        const int shared = SHARED * table[word & 0xFFFF];
        out[3 * x] = (float)(OWN * table[word >> 16 & 0xFFFF] + shared) * size;
        out[3 * x + 1] = (float)(OWN * table[word >> 32 & 0xFFFF] + shared) * size;
        out[3 * x + 2] = (float)(OWN * table[word >> 48] + shared) * size;
    }
}

APART
static void add(const float *restrict levels, int64_t count, float *restrict out)
{
    for (int64_t i = 0; i < count; i++)
        out[i] += levels[i];
}

/* `words` are one a pixel; levels and `out` have three channels. */
int degrade_model_error(const float *levels, int64_t height, int64_t width, const uint64_t *words,
                        const int16_t *table, float base, float slope, float most, float *out)
{
    float *greys = calloc((size_t)(5 * width), sizeof(float));
    if (!greys)
        return -1;
    float *const down = greys + 3 * width, *const right = greys + 4 * width;
    for (int64_t y = 0; y < height && slope == 0; y++) { /* as strong everywhere */
        draw(words + y * width, table, down, base, width, out + 3 * width * y);
        add(levels + 3 * width * y, 3 * width, out + 3 * width * y);
    }
    if (height > 0)
        make_grey(levels, width, greys);
    for (int64_t y = 0; y < height && slope != 0; y++) {
        const float *grey = greys + y % 3 * width;
        if (y + 1 < height)
            make_grey(levels + 3 * width * (y + 1), width, greys + (y + 1) % 3 * width);
        const float *above = y ? greys + (y + 2) % 3 * width : grey;
        const float *below = y + 1 < height ? greys + (y + 1) % 3 * width : grey;
        find_slopes(above, grey, below, width, down, right);
        square(down, 2 * width);
        find_steepness(down, right, width, most, slope, down);
        draw(words + y * width, table, down, base, width, out + 3 * width * y);
        add(levels + 3 * width * y, 3 * width, out + 3 * width * y);
    }
    free(greys);
    return 0;
}
