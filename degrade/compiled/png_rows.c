/* Undoing the filters of a PNG's rows (PNG specification, 9.2): see png_rows.py. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compiled.h"

enum { NONE, SUB, UP, AVERAGE, PAETH };
enum { MOST_BYTES = 8 }; /* of a pixel: four channels of 16 bits */

/* A pixel, so that its channels are worked on at once: each waits for its left neighbour. */
typedef int16_t pixel __attribute__((vector_size(2 * MOST_BYTES)));

static inline __attribute__((always_inline)) pixel load(const uint8_t *from, int bytes)
{
    pixel out = {0};
    for (int j = 0; j < bytes; j++)
        out[j] = from[j];
    return out;
}

static inline pixel size_of(pixel a)
{
    const pixel sign = a >> 15;
    return (a ^ sign) - sign;
}

static inline __attribute__((always_inline)) void undo_paeth(const uint8_t *from, int64_t size,
                                                             int bytes, const uint8_t *above,
                                                             uint8_t *to)
{
    pixel left = {0}, corner = {0};
    for (int64_t i = 0; i < size; i += bytes) {
        const pixel up = load(above + i, bytes), by_left = up - corner, by_above = left - corner;
        const pixel a = size_of(by_left), b = size_of(by_above), c = size_of(by_left + by_above);
        const pixel take_left = (a <= b) & (a <= c), take_above = b <= c;
        const pixel other = (up & take_above) | (corner & ~take_above);
        left = (load(from + i, bytes) + ((left & take_left) | (other & ~take_left))) & 255;
        corner = up;
        for (int j = 0; j < bytes; j++)
            to[i + j] = (uint8_t)left[j];
    }
}

/* Inlined for each number of bytes, so that a pixel stays in registers. */
static inline __attribute__((always_inline)) void undo(int filter, const uint8_t *from, int64_t size,
                                                       int bytes, const uint8_t *above,
                                                       uint8_t *to)
{
    uint8_t left[MOST_BYTES] = {0};
    if (filter == NONE)
        memcpy(to, from, size);
    else if (filter == UP)
        for (int64_t i = 0; i < size; i++)
            to[i] = (uint8_t)(from[i] + above[i]);
    else if (filter == SUB)
        for (int64_t i = 0; i < size; i += bytes)
            for (int j = 0; j < bytes; j++)
                to[i + j] = left[j] = (uint8_t)(from[i + j] + left[j]);
    else if (filter == AVERAGE)
        for (int64_t i = 0; i < size; i += bytes)
            for (int j = 0; j < bytes; j++)
                to[i + j] = left[j] = (uint8_t)(from[i + j] + (left[j] + above[i + j]) / 2);
    else
        undo_paeth(from, size, bytes, above, to);
}

/* Each row of `content` begins with the number of its filter. -1: a row has none that is known. */
int degrade_undo_filters(const uint8_t *content, int64_t rows, int64_t size, int bytes,
                         uint8_t *out)
{
    uint8_t *nothing = calloc(size, 1);
    const uint8_t *above = nothing;
    int done = nothing ? 0 : -2;
    for (int64_t row = 0; row < rows && !done; row++, content += size + 1, above = out, out += size)
        if (content[0] > PAETH)
            done = -1;
        else
            switch (bytes) {
            case 1: undo(content[0], content + 1, size, 1, above, out); break;
            case 2: undo(content[0], content + 1, size, 2, above, out); break;
            case 3: undo(content[0], content + 1, size, 3, above, out); break;
            case 4: undo(content[0], content + 1, size, 4, above, out); break;
            case 6: undo(content[0], content + 1, size, 6, above, out); break;
            default: undo(content[0], content + 1, size, 8, above, out); break;
            }
    free(nothing);
    return done;
}
