/* Reading the Huffman codes of a JPEG scan without making pixels of them: see jpeg_walk.py.

   Decoders make something of any codes: a run that leads out of its block is cut, a coefficient that
   no picture can have is clipped. Here both are found. What decoders complain of themselves, such as
   an unknown code or missing data, only ends the walk.
*/
#include "compiled.h"
#include "jpeg_codes.h"

/* What no picture exceeds, by coefficient in zigzag order; `telling` is the size of the smallest
   numbers that may. */
typedef struct {
    const int32_t *most;
    int32_t least; /* of the mean */
    uint8_t telling[COEFFICIENTS];
} limits;

static int walk_block(reader *from, const codes *dc, const codes *ac, int32_t *mean, int last,
                      const limits *of)
{
    int bits, both = look(from, dc, &bits);
    if (both < 0 || both > 15)
        return LEFT_TO_DECODER;
    *mean += number(from, bits, both);
    skip(from, bits);
    if (*mean < of->least || *mean > of->most[0])
        return TOO_LARGE;
    for (int k = 1; k <= last; k++) {
        both = look(from, ac, &bits);
        if (both < 0)
            return LEFT_TO_DECODER;
        const int run = both >> 4, size = both & 15;
        if (!size && run != 15) {
            skip(from, bits);
            return SOUND;
        }
        k += run;
        if (k > last)
            return RUN_TOO_LONG;
        const int32_t value = size < of->telling[k] ? 0 : number(from, bits, size);
        skip(from, bits);
        if (value > of->most[k] || -value > of->most[k])
            return TOO_LARGE;
    }
    return SOUND;
}

/* A scan that holds means: all of a baseline file, or, when `last` is 0, only they. */
int degrade_walk_means(const uint8_t *data, int64_t size, int components, const int32_t *blocks,
                       const uint8_t *dc_tables, const uint8_t *ac_tables, int last,
                       const int32_t *least, const int32_t *most, int64_t units, int64_t restart)
{
    codes dc[MOST_COMPONENTS], ac[MOST_COMPONENTS];
    limits of[MOST_COMPONENTS];
    int32_t means[MOST_COMPONENTS] = {0};
    reader from = {data, data + size, 0, 0, 0};
    if (components < 1 || components > MOST_COMPONENTS)
        return LEFT_TO_DECODER;
    for (int c = 0; c < components; c++) {
        read_codes(dc_tables + c * (COUNTS + SYMBOLS), &dc[c]);
        read_codes(ac_tables + c * (COUNTS + SYMBOLS), &ac[c]);
        of[c].most = most + c * COEFFICIENTS;
        of[c].least = least[c];
        for (int k = 0; k < COEFFICIENTS; k++)
            for (of[c].telling[k] = 1; (1 << of[c].telling[k]) - 1 <= of[c].most[k];)
                of[c].telling[k]++;
    }
    for (int64_t unit = 0; unit < units; unit++) {
        if (restart && unit && unit % restart == 0) {
            if (!pass_restart(&from))
                return LEFT_TO_DECODER;
            memset(means, 0, sizeof means);
        }
        for (int c = 0; c < components; c++)
            for (int32_t n = blocks[c]; n > 0; n--) {
                const int found = walk_block(&from, &dc[c], &ac[c], &means[c], last, &of[c]);
                if (is_beyond(&from))
                    return LEFT_TO_DECODER; /* made of what is not there */
                if (found)
                    return found;
            }
    }
    return SOUND;
}

/* A block of a scan that brings coefficients for the first time. */
static int walk_first(reader *from, const codes *ac, int first, int last, const int32_t *most,
                      uint64_t *seen, int32_t *empty)
{
    for (int k = first; k <= last; k++) {
        int bits;
        const int both = look(from, ac, &bits);
        if (both < 0)
            return LEFT_TO_DECODER;
        const int run = both >> 4, size = both & 15;
        const int32_t value = number(from, bits, size);
        skip(from, bits);
        if (!size && run != 15) {
            *empty = (1 << run) + (int32_t)take(from, run);
            return SOUND;
        }
        k += run;
        if (k > last)
            return RUN_TOO_LONG;
        if (value > most[k] || -value > most[k])
            return TOO_LARGE;
        *seen |= (uint64_t)(size > 0) << k;
    }
    return SOUND;
}

/* One more bit for each coefficient from k on that was seen, up to the one behind `zeros` others. */
static int refine(reader *from, int k, int last, int zeros, uint64_t seen)
{
    for (; k <= last; k++)
        if (seen >> k & 1)
            take(from, 1);
        else if (--zeros < 0)
            break;
    return k;
}

/* A block of a scan that brings one more bit, and coefficients that were zero up to now. */
static int walk_further(reader *from, const codes *ac, int first, int last, uint64_t *seen,
                        int32_t *empty)
{
    const uint64_t before = *seen;
    int k = first;
    for (; k <= last; k++) {
        int bits;
        const int both = look(from, ac, &bits), run = both >> 4, size = both & 15;
        if (both < 0 || size > 1)
            return LEFT_TO_DECODER;
        skip(from, bits);
        if (!size && run != 15) {
            *empty = (1 << run) + (int32_t)take(from, run);
            break;
        }
        k = refine(from, k, last, run, before);
        if (k > last)
            return RUN_TOO_LONG;
        *seen |= (uint64_t)size << k;
    }
    if (*empty)
        refine(from, k, last, COEFFICIENTS, before);
    return SOUND;
}

/* A progressive scan of one component's details. `seen` says, by block, which coefficients are not
   zero; `further`, whether earlier scans have brought these. */
int degrade_walk_details(const uint8_t *data, int64_t size, int64_t blocks, const uint8_t *table,
                         int first, int last, int further, const int32_t *most, uint64_t *seen,
                         int64_t restart)
{
    codes ac;
    reader from = {data, data + size, 0, 0, 0};
    int32_t empty = 0; /* blocks, this one counted, that bring nothing more */
    if (first < 1 || last >= COEFFICIENTS)
        return LEFT_TO_DECODER;
    read_codes(table, &ac);
    for (int64_t block = 0; block < blocks; block++) {
        int found = SOUND;
        if (restart && block && block % restart == 0) {
            if (empty)
                return EMPTY_TOO_LONG;
            if (!pass_restart(&from))
                return LEFT_TO_DECODER;
        }
        if (empty) {
            if (further)
                refine(&from, first, last, COEFFICIENTS, seen[block]);
        } else if (further) {
            found = walk_further(&from, &ac, first, last, &seen[block], &empty);
        } else {
            found = walk_first(&from, &ac, first, last, most, &seen[block], &empty);
        }
        empty -= empty > 0;
        if (is_beyond(&from))
            return LEFT_TO_DECODER;
        if (found)
            return found;
    }
    return empty ? EMPTY_TOO_LONG : SOUND;
}
