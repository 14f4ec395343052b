/* Reading Huffman codes of JPEG (ITU T.81), for baseline and progressive scans alike. */
#ifndef DEGRADE_JPEG_CODES_H
#define DEGRADE_JPEG_CODES_H

#include <stdint.h>
#include <string.h>

enum { LEFT_TO_DECODER = -1, SOUND = 0, RUN_TOO_LONG = 1, TOO_LARGE = 2, EMPTY_TOO_LONG = 3 };
enum { QUICK = 10, COEFFICIENTS = 64, MOST_COMPONENTS = 4, COUNTS = 16, SYMBOLS = 256 };

typedef struct {
    uint16_t quick[1 << QUICK]; /* bits of code and number << 8 | symbol; 0: the code is longer */
    int32_t last[COUNTS + 1];   /* the largest code of each length, -1: none */
    int32_t shift[COUNTS + 1];  /* from a code of that length to the place of its symbol */
    const uint8_t *symbols;
} codes;

typedef struct {
    const uint8_t *at, *end;
    uint64_t bits; /* the next ones, from the top on */
    int count;
    int is_over;
} reader;

static void read_codes(const uint8_t *table, codes *out)
{
    const uint8_t *counts = table, *symbols = table + COUNTS;
    int32_t code = 0, place = 0;
    memset(out->quick, 0, sizeof out->quick);
    out->symbols = symbols;
    for (int length = 1; length <= COUNTS; length++, code <<= 1) {
        out->shift[length] = place - code;
        for (int n = counts[length - 1]; n > 0; n--, code++, place++) {
            if (length > QUICK || place >= SYMBOLS || code >> length)
                continue;
            const int32_t first = code << (QUICK - length);
            const uint16_t both = (uint16_t)((length + (symbols[place] & 15)) << 8 | symbols[place]);
            for (int32_t i = 0; i < 1 << (QUICK - length); i++)
                out->quick[first + i] = both;
        }
        out->last[length] = counts[length - 1] && place <= SYMBOLS ? code - 1 : -1;
    }
}

static inline uint64_t eight_bytes(const uint8_t *at)
{
    uint64_t all = 0;
    for (int i = 0; i < 8; i++)
        all = all << 8 | at[i];
    return all;
}

static inline int has_ff(uint64_t bytes)
{
    const uint64_t ones = 0x0101010101010101u;
    return ((~bytes - ones) & bytes & ones << 7) != 0;
}

/* Have 32 bits or more, enough for a symbol and its number; behind the data, or a marker, come
   zeros. */
static inline void fill(reader *from)
{
    if (from->count >= 32)
        return;
    if (from->end - from->at >= 8) {
        const uint64_t next = eight_bytes(from->at);
        if (!has_ff(next)) {
            /* Bits of a byte that is only partly taken come again with the next filling. */
            const int taken = (63 - from->count) / 8;
            from->bits |= next >> from->count;
            from->at += taken;
            from->count += 8 * taken;
            return;
        }
    }
    while (from->count <= 56) {
        uint64_t byte = 0;
        if (from->at < from->end && (*from->at != 0xff
                || (from->at + 1 < from->end && from->at[1] == 0))) {
            byte = *from->at;
            from->at += byte == 0xff ? 2 : 1;
        } else {
            from->is_over++;
        }
        from->bits |= byte << (56 - from->count);
        from->count += 8;
    }
}

static inline void skip(reader *from, int bits)
{
    from->bits <<= bits;
    from->count -= bits;
}

/* The next symbol, and in `bits` how many its code and its number take; -1: no code begins so. */
static inline int look(reader *from, const codes *by, int *bits)
{
    fill(from);
    const uint16_t quick = by->quick[from->bits >> (64 - QUICK)];
    if (quick) {
        *bits = quick >> 8;
        return quick & 255;
    }
    for (int length = QUICK + 1; length <= COUNTS; length++) {
        const int32_t code = (int32_t)(from->bits >> (64 - length));
        const int32_t place = code + by->shift[length];
        if (by->last[length] >= 0 && code <= by->last[length] && place >= 0 && place < SYMBOLS) {
            *bits = length + (by->symbols[place] & 15);
            return by->symbols[place];
        }
    }
    return -1;
}

/* The number that the last `size` of the next `bits` bits say (ITU T.81, F.2.2.1). */
static inline int32_t number(const reader *from, int bits, int size)
{
    if (!size)
        return 0;
    const int32_t value = (int32_t)(from->bits << (bits - size) >> (64 - size));
    return value >> (size - 1) ? value : value - (1 << size) + 1;
}

static inline uint32_t take(reader *from, int bits)
{
    if (!bits)
        return 0;
    fill(from);
    const uint32_t value = (uint32_t)(from->bits >> (64 - bits));
    skip(from, bits);
    return value;
}

/* Whether more was read than there is. */
static inline int is_beyond(const reader *from)
{
    return from->is_over && 8 * from->is_over > from->count;
}

/* Go on behind a restart marker; 0: none is there. */
static inline int pass_restart(reader *from)
{
    if (from->end - from->at < 2 || from->at[0] != 0xff || (from->at[1] & 0xf8) != 0xd0)
        return 0;
    *from = (reader){from->at + 2, from->end, 0, 0, 0};
    return 1;
}

#endif
