/* How neighbouring pixels of a gray photo differ: over cells, along lines, within windows. See
   photo_steps.py. All are integers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compiled.h"

enum {
    CELL = 16,
    PLANES = 5,       /* squares along rows, columns and both diagonals; clipped pixels */
    SIDE = 32,        /* of a window */
    PIXELS = SIDE * SIDE,
    MOST_LINES = 128, /* 128 * 255 < 2^16 */
    MOST_WIDE = 4096  /* columns whose sums are held at once */
};

/* Add a row of `count` pixels, and how they differ from those around, to sums of columns. */
static void add_cell_row(const uint8_t *restrict x, const uint8_t *restrict below, int count,
                         int darkest, int brightest, uint32_t *restrict along,
                         uint32_t *restrict down, uint32_t *restrict falling,
                         uint32_t *restrict rising, uint32_t *restrict clipped)
{
    for (int i = 0; i < count; i++) {
        const int16_t step = (int16_t)(x[i + 1] - x[i]);
        along[i] += (uint32_t)(step * step);
    }
    for (int i = 0; i < count; i++) {
        const int16_t step = (int16_t)(below[i] - x[i]);
        down[i] += (uint32_t)(step * step);
    }
    for (int i = 0; i < count; i++) {
        const int16_t step = (int16_t)(below[i + 1] - x[i]);
        falling[i] += (uint32_t)(step * step);
    }
    for (int i = 0; i < count; i++) {
        const int16_t step = (int16_t)(below[i] - x[i + 1]);
        rising[i] += (uint32_t)(step * step);
    }
    for (int i = 0; i < count; i++)
        clipped[i] += (x[i] <= darkest) | (x[i] >= brightest);
}

/* `cells` are (5, rows, columns); the photo has a row and a column more than the cells cover. */
int degrade_cell_steps(const uint8_t *pixels, int64_t stride, int64_t rows, int64_t columns,
                       int64_t darkest, int64_t brightest, uint32_t *cells)
{
    const int64_t width = columns * CELL;
    uint32_t *sums = malloc(sizeof(uint32_t) * (size_t)(PLANES * width));
    if (!sums)
        return -1;
    for (int64_t row = 0; row < rows; row++) {
        memset(sums, 0, sizeof(uint32_t) * (size_t)(PLANES * width));
        for (int64_t left = 0; left < width; left += MOST_WIDE) {
            const int count = (int)(width - left < MOST_WIDE ? width - left : MOST_WIDE);
            uint32_t *const to = sums + left;
            for (int line = 0; line < CELL; line++) {
                const uint8_t *x = pixels + (row * CELL + line) * stride + left;
                add_cell_row(x, x + stride, count, (int)darkest, (int)brightest, to, to + width,
                             to + 2 * width, to + 3 * width, to + 4 * width);
            }
        }
        for (int plane = 0; plane < PLANES; plane++)
            for (int64_t column = 0; column < columns; column++) {
                uint32_t total = 0;
                for (int i = 0; i < CELL; i++)
                    total += sums[plane * width + column * CELL + i];
                cells[(plane * rows + row) * columns + column] = total;
            }
    }
    free(sums);
    return 0;
}

/* |differences| of first or second order of three rows of pixels, `most` at most. */
static void add_lines(const uint8_t *restrict a, const uint8_t *restrict b,
                      const uint8_t *restrict c, int64_t count, int16_t most, int second,
                      uint16_t *restrict to)
{
    if (second)
        for (int64_t i = 0; i < count; i++) {
            const int16_t bend = (int16_t)(a[i] - 2 * b[i] + c[i]);
            const int16_t size = bend < 0 ? (int16_t)-bend : bend;
            to[i] = (uint16_t)(to[i] + (size < most ? size : most));
        }
    else
        for (int64_t i = 0; i < count; i++) {
            const int16_t step = (int16_t)(b[i] - a[i]);
            const int16_t size = step < 0 ? (int16_t)-step : step;
            to[i] = (uint16_t)(to[i] + (size < most ? size : most));
        }
}

static uint32_t sum_line(const uint8_t *restrict a, const uint8_t *restrict b,
                         const uint8_t *restrict c, int64_t count, int16_t most, int second)
{
    uint32_t total = 0;
    if (second)
        for (int64_t i = 0; i < count; i++) {
            const int16_t bend = (int16_t)(a[i] - 2 * b[i] + c[i]);
            const int16_t size = bend < 0 ? (int16_t)-bend : bend;
            total += (uint32_t)(size < most ? size : most);
        }
    else
        for (int64_t i = 0; i < count; i++) {
            const int16_t step = (int16_t)(b[i] - a[i]);
            const int16_t size = step < 0 ? (int16_t)-step : step;
            total += (uint32_t)(size < most ? size : most);
        }
    return total;
}

/* Differences along rows are summed over the rows into `along` (width - order), differences along
   columns over the columns into `down` (height - order); `most` is 255 at most, `order` 1 or 2. */
int degrade_line_steps(const uint8_t *pixels, int64_t stride, int64_t height, int64_t width,
                       int64_t order, int64_t most, uint32_t *along, uint32_t *down)
{
    const int64_t count = width - order;
    const int second = order == 2;
    uint16_t *sums = calloc((size_t)(count > 0 ? count : 1), sizeof(uint16_t));
    if (!sums)
        return -1;
    for (int64_t row = 0; row < height; row++) {
        const uint8_t *x = pixels + row * stride;
        add_lines(x, x + 1, x + order, count, (int16_t)most, second, sums);
        if (row % MOST_LINES == MOST_LINES - 1 || row == height - 1) {
            for (int64_t i = 0; i < count; i++)
                along[i] += sums[i];
            memset(sums, 0, sizeof(uint16_t) * (size_t)count);
        }
        if (row < height - order)
            down[row] = sum_line(x, x + stride, x + order * stride, width, (int16_t)most, second);
    }
    free(sums);
    return 0;
}

/* A window row by row, in `to`: before and behind it is room, since steps reach beyond. */
static void widen(const uint8_t *restrict from, int16_t *restrict to)
{
    for (int i = 0; i < PIXELS; i++)
        to[i] = from[i];
}

/* All bits of `mask` for the columns from `first` until `end`, row by row; none of the others. */
static void mark_columns(int first, int end, int16_t *mask)
{
    for (int i = 0; i < PIXELS; i++)
        mask[i] = i % SIDE >= first && i % SIDE < end ? -1 : 0;
}

/* The largest difference of pixels where there is a mask, and of all of them the squares' upper and
   lower bytes. */
static int square_steps(const int16_t *restrict one, const int16_t *restrict other,
                        const int16_t *restrict mask, int count, int16_t *restrict upper,
                        int16_t *restrict lower)
{
    int16_t largest = 0;
    for (int i = 0; i < count; i++) {
        const int16_t step = (int16_t)((one[i] - other[i]) & mask[i]);
        const int16_t size = step < 0 ? (int16_t)-step : step;
        const uint16_t square = (uint16_t)(size * size);
        largest = size > largest ? size : largest;
        upper[i] = (int16_t)(square >> 8);
        lower[i] = (int16_t)(square & 255);
    }
    return largest;
}

static int32_t product(const int16_t *restrict one, const int16_t *restrict other, int count)
{
    int32_t total = 0; /* of 1024 products below 2^16 */
    for (int i = 0; i < count; i++)
        total += one[i] * other[i];
    return total;
}

/* The largest difference of pixels where there is a mask. */
static int largest_step(const int16_t *restrict one, const int16_t *restrict other,
                        const int16_t *restrict mask, int count)
{
    int16_t largest = 0;
    for (int i = 0; i < count; i++) {
        const int16_t step = (int16_t)((one[i] - other[i]) & mask[i]);
        const int16_t size = step < 0 ? (int16_t)-step : step;
        largest = size > largest ? size : largest;
    }
    return largest;
}

/* `windows` are (count, 32, 32). Of each of `shifts` steps (down, right), down at least 0 and both
   shorter than a window, the largest difference of pixels that lie so far apart goes to `largest`
   (count, shifts), the sum of their fourth powers to `fourth`. */
int degrade_window_steps(const uint8_t *windows, int64_t count, const int64_t *steps,
                         int64_t shifts, int32_t *largest, int64_t *fourth)
{
    int16_t(*const masks)[PIXELS] = malloc(sizeof(int16_t[PIXELS]) * (size_t)(shifts ? shifts : 1));
    int16_t room[SIDE + PIXELS + SIDE] = {0}, *const window = room + SIDE;
    int16_t upper[PIXELS], lower[PIXELS];
    const int failed = !masks;
    for (int64_t shift = 0; shift < shifts && !failed; shift++) {
        const int right = (int)steps[2 * shift + 1];
        mark_columns(right < 0 ? -right : 0, right < 0 ? SIDE : SIDE - right, masks[shift]);
    }
    for (int64_t at = 0; at < count && !failed; at++) {
        widen(windows + at * PIXELS, window);
        for (int64_t shift = 0; shift < shifts; shift++) {
            const int down = (int)steps[2 * shift], right = (int)steps[2 * shift + 1];
            const int some = (SIDE - down) * SIDE;
            largest[at * shifts + shift] =
                square_steps(window + down * SIDE + right, window, masks[shift],
                             some, upper, lower);
            fourth[at * shifts + shift] = (int64_t)product(upper, upper, some) * 65536 +
                                          (int64_t)product(upper, lower, some) * 512 +
                                          product(lower, lower, some);
        }
    }
    free(masks);
    return failed;
}

/* Where within margins the pixels that lie `step` before and behind first differ by so much. */
static int place_of(const int16_t *pixels, int step, int top, int left, int size)
{
    const int columns = SIDE - 2 * left;
    for (int row = top;; row++)
        for (int i = 0; i < columns; i++) {
            const int16_t *const x = pixels + row * SIDE + left + i;
            if (abs(x[step] - x[-step]) == size)
                return (row - top) * columns + i;
        }
}

/* Of each of `directions` (down, right, margin of rows, margin of columns), where within those
   margins the pixels a step before and a step behind differ most, the first of several, counted
   row by row: `places` (count, directions). Margins are at least as long as the step. */
int degrade_window_edges(const uint8_t *windows, int64_t count, const int64_t *directions,
                         int64_t number, int64_t *places)
{
    int16_t(*const masks)[PIXELS] = malloc(sizeof(int16_t[PIXELS]) * (size_t)(number ? number : 1));
    int16_t room[SIDE + PIXELS + SIDE] = {0}, *const window = room + SIDE;
    const int failed = !masks;
    for (int64_t at = 0; at < number && !failed; at++) {
        const int left = (int)directions[4 * at + 3];
        mark_columns(left, SIDE - left, masks[at]);
    }
    for (int64_t each = 0; each < count && !failed; each++) {
        widen(windows + each * PIXELS, window);
        for (int64_t at = 0; at < number; at++) {
            const int64_t *const direction = directions + 4 * at;
            const int step = (int)(direction[0] * SIDE + direction[1]), top = (int)direction[2];
            const int16_t *const x = window + top * SIDE;
            const int size =
                largest_step(x + step, x - step, masks[at], (SIDE - 2 * top) * SIDE);
            places[each * number + at] =
                place_of(window, step, top, (int)direction[3], size);
        }
    }
    free(masks);
    return failed;
}
