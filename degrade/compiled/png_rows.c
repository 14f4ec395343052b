/* Undoing the filters of a PNG's rows (PNG specification, 9.2): see png_rows.py. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compiled.h"
#include "png_rows.h"

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

/* Rows of three or four bytes a pixel are undone four at once: each waits for its left neighbour, so
   one alone leaves most of the processor idle. Row j of the four is BEHIND * j pixels behind the
   first: what stands above its pixel has been known for BEHIND steps, and is moved over meanwhile. */
enum { TOGETHER = 4, BEHIND = 2, LATE = BEHIND * (TOGETHER - 1) };

typedef uint32_t four_pixels __attribute__((vector_size(4 * TOGETHER)));
typedef uint8_t four_bytes __attribute__((vector_size(4 * TOGETHER)));

/* Each pixel where that of the row below is worked on. */
#if defined(__clang__)
#define MOVED_DOWN(all) __builtin_shufflevector(all, all, 0, 0, 1, 2)
#else
#define MOVED_DOWN(all) __builtin_shuffle(all, (four_pixels){0, 0, 1, 2})
#endif

/* Bytes are all ones in the rows that have a filter, and in the first row. */
typedef struct {
    const uint8_t *from[TOGETHER], *above;
    uint8_t *to[TOGETHER];
    int64_t pixels;
    four_bytes filters[PAETH + 1], first;
} four_rows;

typedef struct {
    four_bytes left, corner, next_up;
} step_state;

static inline four_bytes chosen(four_bytes where, four_bytes these, four_bytes others)
{
    return (these & where) | (others & ~where);
}

/* As in png_rows_at_once.c: twice a byte is at most another where it is at most half of that. */
static inline four_bytes nearest(four_bytes left, four_bytes up, four_bytes corner)
{
    const four_bytes is_less = (four_bytes)(left < up);
    const four_bytes low = chosen(is_less, left, up), high = chosen(is_less, up, left);
    const four_bytes over = (high - corner) & (four_bytes)(high > corner);
    const four_bytes under = (corner - low) & (four_bytes)(corner > low);
    const four_bytes other = chosen((four_bytes)(over <= under >> 1), low, corner);
    return chosen((four_bytes)(under <= over >> 1), high, other);
}

/* Steps `step` to `end` - 1. `inside`: all four pixels lie in their rows and none is the last, so they
   are read and written together with a byte that follows them. */
static inline __attribute__((always_inline)) void undo_steps(const four_rows *rows, int64_t step,
                                                             int64_t end, int inside, int bytes,
                                                             step_state *state)
{
    const four_bytes *const filters = rows->filters;
    four_bytes left = state->left, corner = state->corner, next_up = state->next_up;
    for (; step < end; step++) {
        four_pixels raw = {0}, over = {0};
        for (int j = 0; j < TOGETHER; j++) {
            const int64_t at = step - BEHIND * j;
            if (inside || (at >= 0 && at < rows->pixels)) {
                uint32_t value = 0;
                memcpy(&value, rows->from[j] + at * bytes, inside ? 4 : bytes);
                raw[j] = value;
            }
        }
        if (inside || step < rows->pixels) {
            uint32_t value = 0;
            memcpy(&value, rows->above + step * bytes, inside ? 4 : bytes);
            over[0] = value;
        }
        const four_bytes up = (next_up & ~rows->first) | (four_bytes)over;
        next_up = (four_bytes)MOVED_DOWN((four_pixels)left);
        const four_bytes mean = (left & up) + ((left ^ up) >> 1);
        const four_bytes near = nearest(left, up, corner);
        left = (four_bytes)raw
               + ((left & filters[SUB]) | (up & filters[UP]) | (mean & filters[AVERAGE])
                  | (near & filters[PAETH]));
        corner = up;
        const four_pixels out = (four_pixels)left;
        for (int j = 0; j < TOGETHER; j++) {
            const int64_t at = step - BEHIND * j;
            const uint32_t value = out[j];
            if (inside || (at >= 0 && at < rows->pixels))
                memcpy(rows->to[j] + at * bytes, &value, inside ? 4 : bytes);
        }
    }
    *state = (step_state){left, corner, next_up};
}

static inline __attribute__((always_inline)) void undo_all_steps(const four_rows *rows, int bytes)
{
    step_state state = {{0}, {0}, {0}};
    const int64_t last = rows->pixels - 1, begun = last < LATE ? 0 : LATE;
    const int64_t ending = last < LATE ? 0 : last;
    undo_steps(rows, 0, begun, 0, bytes, &state);
    undo_steps(rows, begun, ending, 1, bytes, &state);
    undo_steps(rows, ending, rows->pixels + LATE, 0, bytes, &state);
}

static void undo_four(const uint8_t *content, int64_t size, int bytes, const uint8_t *above,
                      uint8_t *out)
{
    four_rows rows = {.above = above, .pixels = size / bytes};
    for (int j = 0; j < TOGETHER; j++) {
        rows.from[j] = content + j * (size + 1) + 1;
        rows.to[j] = out + j * size;
        for (int byte = 4 * j; byte < 4 * (j + 1); byte++) {
            rows.filters[content[j * (size + 1)]][byte] = UINT8_MAX;
            rows.first[byte] = j ? 0 : UINT8_MAX;
        }
    }
    if (bytes == 3)
        undo_all_steps(&rows, 3);
    else
        undo_all_steps(&rows, 4);
}

/* Whether so many rows at once are worth it and have filters that are known. */
static int are_for(int together, const uint8_t *content, int64_t rows, int64_t size, int bytes)
{
    int waiting = 0;
    if (rows < together || (bytes != 3 && bytes != 4))
        return 0;
    for (int j = 0; j < together; j++) {
        const int filter = content[j * (size + 1)];
        if (filter > PAETH)
            return 0;
        waiting += filter != NONE && filter != UP;
    }
    return waiting > 1;
}

/* Each row of `content` begins with the number of its filter. -1: a row has none that is known. */
int degrade_undo_filters(const uint8_t *content, int64_t rows, int64_t size, int bytes,
                         uint8_t *out)
{
    uint8_t *nothing = calloc(size, 1);
    const uint8_t *above = nothing;
    int done = nothing ? 0 : -2;
    while (rows > 0 && !done) {
        int64_t some = 1;
        if (ROWS_AT_ONCE > 0 && are_for(ROWS_AT_ONCE, content, rows, size, bytes)) {
            undo_rows_at_once(content, size, bytes, above, out);
            some = ROWS_AT_ONCE;
        } else if (are_for(TOGETHER, content, rows, size, bytes)) {
            undo_four(content, size, bytes, above, out);
            some = TOGETHER;
        } else if (content[0] > PAETH)
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
        above = out + (some - 1) * size;
        content += some * (size + 1);
        out += some * size;
        rows -= some;
    }
    free(nothing);
    return done;
}
