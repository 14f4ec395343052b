/* Levels clipped to 8 bits and rounded: see rounding.py. */
#include <math.h>
#include <stdint.h>

#include "compiled.h"

enum { BRIGHTEST = 255, UNIT = 1 << 16, MOST_MOVED = 1 << 14 };

/* Returned is by how much all together were moved by being clipped, in units of 1/UNIT level; each is
   rounded to that on its own, so that the sum does not depend on its order. Not a number becomes 0. */
int64_t degrade_round_levels(const float *restrict levels, int64_t count, uint8_t *restrict out)
{
    int64_t moved = 0;
    for (int64_t i = 0; i < count; i++) {
        float level = levels[i] > 0 ? levels[i] : 0;
        level = level < BRIGHTEST ? level : BRIGHTEST;
        float by = level - levels[i];
        by = by < MOST_MOVED ? by : MOST_MOVED;
        by = by > -MOST_MOVED ? by : -MOST_MOVED;
        moved += (int32_t)rintf(by * UNIT);
        out[i] = (uint8_t)(int32_t)rintf(level);
    }
    return moved;
}
