/* Blurring and sampling in integers, two or four taps at once: see sampling.py.

   Coarse and fine taps are one integer of about 27 bits, which is cut into a high and a low one of
   16. Processors multiply pairs of such integers and add both products, twice as many in one go as
   floats. Newer ones multiply four pixels, as they are, by integers of 8 bits: then taps of up to 24
   bits are cut in three, and rows take a quarter of the room; larger taps stay with pairs. The sums
   are below 2^31, so they are exact, and put together in double they are the same number that
   floats give.
*/
#include <stdlib.h>
#include <string.h>

#include "compiled.h"
#include "sampling.h"

#ifdef __AVX2__
#include <immintrin.h>

enum { CACHE_LINE = 64, ROUND_TO = 64, MOST_BITS = 16, LEAST_BITS = 8 };

enum { PAIR = 2, QUAD = 4, PARTS = 3, LIMB = 8 };

typedef int32_t loose_group __attribute__((aligned(1), may_alias));

typedef struct {
    int64_t offset; /* from the first column of a block, in a row that is laid out by phases */
    int32_t parts[PARTS]; /* two or four taps each, the first in the lowest bits; low part first */
} tap_group;

/* A set of taps. Of each row counts[0] groups have all parts, then counts[1] lack the highest; then, of
   groups of four, counts[2] have the lowest alone. */
typedef struct {
    tap_group *groups;
    int32_t (*counts)[PARTS];
    double units[PARTS], middle; /* of the sums of each part; what is added to them */
} tap_set;

/* What is laid out of a row: pixel step*x + r and the one or three that follow, for the residues r
   that taps begin with. */
typedef struct {
    int together, count;
    int residues[256], plane_of[256];
    int64_t wide, line, row; /* columns of a plane; numbers of a line and of a laid-out row */
} layout;

typedef int32_t part_sums[PARTS][ROUND_TO];

typedef void add_function(const int32_t *const *rows, const int32_t (*counts)[PARTS],
                          const tap_group *groups, int size, part_sums sums);

/* Pixels, less MIDDLE, as planes of channels `line` numbers apart. */
static inline __attribute__((always_inline)) void deinterleave(const uint8_t *from, int64_t count,
                                                               int channels, int64_t line,
                                                               int16_t *restrict to)
{
    for (int64_t i = 0; i < count; i++)
        for (int channel = 0; channel < channels; channel++)
            to[channel * line + i] = (int16_t)(from[i * channels + channel] - MIDDLE);
}

/* Groups of neighbours of `bytes` bytes each, one for each step. */
static inline __attribute__((always_inline)) void group(const void *line, int64_t wide, int step,
                                                        int bytes, int32_t *restrict out)
{
    for (int64_t x = 0; x < wide; x++)
        out[x] = *(const loose_group *)((const char *)line + step * x * bytes);
}

static inline __attribute__((always_inline)) void group_lines(const void *lines,
                                                              const sampling *all,
                                                              const layout *how, int bytes,
                                                              int32_t *restrict out)
{
    for (int channel = 0; channel < all->channels; channel++)
        for (int plane = 0; plane < how->count; plane++, out += how->wide) {
            const void *in =
                (const char *)lines + (channel * how->line + how->residues[plane]) * bytes;
            switch (all->step) {
            case 2: group(in, how->wide, 2, bytes, out); break;
            case 3: group(in, how->wide, 3, bytes, out); break;
            case 4: group(in, how->wide, 4, bytes, out); break;
            default: group(in, how->wide, all->step, bytes, out); break;
            }
        }
}

/* One row of the image, mirrored at its ends. */
static void lay_out(const uint8_t *row, const sampling *all, const layout *how, void *room,
                    int32_t *restrict out)
{
    const int channels = all->channels;
    const int64_t width = all->width, left = all->left;
    int16_t *restrict lines = room;
    int64_t x = 0;
    for (; x < how->line && left + x < 0; x++)
        deinterleave(row + mirrored(left + x, width) * channels, 1, channels, how->line, lines + x);
    const int64_t inside = left + x < width ? width - left - x : 0;
    const int64_t some = inside < how->line - x ? inside : how->line - x;
    const uint8_t *from = row + (left + x) * channels;
    if (channels == 3)
        deinterleave(from, some, 3, how->line, lines + x);
    else
        deinterleave(from, some, channels, how->line, lines + x);
    for (x += some; x < how->line; x++)
        deinterleave(row + mirrored(left + x, width) * channels, 1, channels, how->line, lines + x);
    group_lines(lines, all, how, sizeof(int16_t), out);
}

#ifdef __AVX512VBMI__
/* Where each byte of a plane of channel `channel` lies among the first two vectors of pixels, and
   then: taken as it is, or from the third one. */
static void rgb_places(int channel, uint8_t *first, uint8_t *then)
{
    for (int i = 0; i < CACHE_LINE; i++) {
        const int at = 3 * i + channel;
        first[i] = (uint8_t)(at < 2 * CACHE_LINE ? at : 0);
        then[i] = (uint8_t)(at < 2 * CACHE_LINE ? i : at - CACHE_LINE);
    }
}

/* The bits of the first `count` of 64 bytes. */
static uint64_t first_bytes(int64_t count)
{
    return count <= 0 ? 0 : count < CACHE_LINE ? ((uint64_t)1 << count) - 1 : ~(uint64_t)0;
}

/* RGB pixels as three planes. */
static void part_rgb(const uint8_t *from, int64_t count, int64_t line, uint8_t *to)
{
    uint8_t places[CACHE_LINE];
    __m512i first[3], then[3];
    uint8_t more[CACHE_LINE];
    for (int channel = 0; channel < 3; channel++) {
        rgb_places(channel, places, more);
        first[channel] = _mm512_loadu_si512(places);
        then[channel] = _mm512_loadu_si512(more);
    }
    for (int64_t i = 0; i < count; i += CACHE_LINE, from += 3 * CACHE_LINE) {
        const int64_t bytes = 3 * (count - i);
        const __m512i a = _mm512_maskz_loadu_epi8(first_bytes(bytes), from);
        const __m512i b =
            _mm512_maskz_loadu_epi8(first_bytes(bytes - CACHE_LINE), from + CACHE_LINE);
        const __m512i c =
            _mm512_maskz_loadu_epi8(first_bytes(bytes - 2 * CACHE_LINE), from + 2 * CACHE_LINE);
        for (int channel = 0; channel < 3; channel++) {
            const __m512i plane = _mm512_permutex2var_epi8(
                _mm512_permutex2var_epi8(a, first[channel], b), then[channel], c);
            _mm512_mask_storeu_epi8(to + channel * line + i, first_bytes(count - i), plane);
        }
    }
}

static void part_bytes(const uint8_t *from, int64_t count, int channels, int64_t line, uint8_t *to)
{
    for (int64_t i = 0; i < count; i++)
        for (int channel = 0; channel < channels; channel++)
            to[channel * line + i] = from[i * channels + channel];
}

/* As lay_out, in bytes. */
static void lay_out_bytes(const uint8_t *row, const sampling *all, const layout *how, void *room,
                          int32_t *restrict out)
{
    const int channels = all->channels;
    const int64_t width = all->width, left = all->left;
    uint8_t *const lines = room;
    int64_t x = 0;
    for (; x < how->line && left + x < 0; x++)
        part_bytes(row + mirrored(left + x, width) * channels, 1, channels, how->line, lines + x);
    const int64_t inside = left + x < width ? width - left - x : 0;
    const int64_t some = inside < how->line - x ? inside : how->line - x;
    const uint8_t *from = row + (left + x) * channels;
    if (channels == 3)
        part_rgb(from, some, how->line, lines + x);
    else
        part_bytes(from, some, channels, how->line, lines + x);
    for (x += some; x < how->line; x++)
        part_bytes(row + mirrored(left + x, width) * channels, 1, channels, how->line, lines + x);
    group_lines(lines, all, how, sizeof(uint8_t), out);
}

#endif

#define LOAD_256(from) _mm256_loadu_si256((const __m256i *)(from))
#define ADD_256(sum, seen, taps) sum = _mm256_add_epi32(sum, _mm256_madd_epi16(seen, taps))
#define STORE_256(to, sum) _mm256_storeu_si256((__m256i *)(to), sum)
#define LOAD_512(from) _mm512_loadu_si512(from)
#define ADD_512(sum, seen, taps) sum = _mm512_dpwssd_epi32(sum, seen, taps)
#define STORE_512(to, sum) _mm512_storeu_si512(to, sum)

/* The sums of four vectors of columns, and of one where no more are left. */
#define SUMS_BY(BITS, LANES, VECTOR)                                                               \
    static void add_four_##BITS(                                   \
        const int32_t *const *rows, const int32_t (*counts)[PARTS], const tap_group *groups, int size, \
        part_sums sums)                                                                            \
    {                                                                                              \
        VECTOR a, b, c, d, e, f, g, h;                                                             \
        a = b = c = d = e = f = g = h = _mm##BITS##_set1_epi32(0);                                 \
        for (int t = 0; t < size; t++) {                                                           \
            for (int32_t n = counts[t][0]; n > 0; n--, groups++) {                                 \
                const int32_t *p = rows[t] + groups->offset;                                       \
                const VECTOR v = _mm##BITS##_set1_epi32(groups->parts[0]);                         \
                const VECTOR w = _mm##BITS##_set1_epi32(groups->parts[1]);                         \
                const VECTOR first = LOAD_##BITS(p), second = LOAD_##BITS(p + LANES);              \
                const VECTOR third = LOAD_##BITS(p + 2 * LANES);                                   \
                const VECTOR fourth = LOAD_##BITS(p + 3 * LANES);                                  \
                ADD_##BITS(a, first, v);                                                           \
                ADD_##BITS(b, second, v);                                                          \
                ADD_##BITS(c, third, v);                                                           \
                ADD_##BITS(d, fourth, v);                                                          \
                ADD_##BITS(e, first, w);                                                           \
                ADD_##BITS(f, second, w);                                                          \
                ADD_##BITS(g, third, w);                                                           \
                ADD_##BITS(h, fourth, w);                                                          \
            }                                                                                      \
            for (int32_t n = counts[t][1]; n > 0; n--, groups++) {                                 \
                const int32_t *p = rows[t] + groups->offset;                                       \
                const VECTOR v = _mm##BITS##_set1_epi32(groups->parts[0]);                         \
                ADD_##BITS(a, LOAD_##BITS(p), v);                                                  \
                ADD_##BITS(b, LOAD_##BITS(p + LANES), v);                                          \
                ADD_##BITS(c, LOAD_##BITS(p + 2 * LANES), v);                                      \
                ADD_##BITS(d, LOAD_##BITS(p + 3 * LANES), v);                                      \
            }                                                                                      \
        }                                                                                          \
        STORE_##BITS(sums[0], a);                                                                  \
        STORE_##BITS(sums[0] + LANES, b);                                                          \
        STORE_##BITS(sums[0] + 2 * LANES, c);                                                      \
        STORE_##BITS(sums[0] + 3 * LANES, d);                                                      \
        STORE_##BITS(sums[1], e);                                                                  \
        STORE_##BITS(sums[1] + LANES, f);                                                          \
        STORE_##BITS(sums[1] + 2 * LANES, g);                                                      \
        STORE_##BITS(sums[1] + 3 * LANES, h);                                                      \
    }                                                                                              \
    static void add_one_##BITS(                                    \
        const int32_t *const *rows, const int32_t (*counts)[PARTS], const tap_group *groups, int size, \
        part_sums sums)                                                                            \
    {                                                                                              \
        VECTOR a = _mm##BITS##_set1_epi32(0), e = a;                                               \
        for (int t = 0; t < size; t++)                                                             \
            for (int32_t n = counts[t][0] + counts[t][1]; n > 0; n--, groups++) {                  \
                const VECTOR first = LOAD_##BITS(rows[t] + groups->offset);                        \
                ADD_##BITS(a, first, _mm##BITS##_set1_epi32(groups->parts[0]));                    \
                ADD_##BITS(e, first, _mm##BITS##_set1_epi32(groups->parts[1]));                    \
            }                                                                                      \
        STORE_##BITS(sums[0], a);                                                                  \
        STORE_##BITS(sums[1], e);                                                                  \
    }

SUMS_BY(256, 8, __m256i)
#ifdef __AVX512VBMI__
SUMS_BY(512, 16, __m512i)

/* The same of four pixels at once. */
static void add_four_quads(const int32_t *const *rows, const int32_t (*counts)[PARTS],
                           const tap_group *groups, int size, part_sums sums)
{
    __m512i all[PARTS][4];
    for (int part = 0; part < PARTS; part++)
        for (int j = 0; j < 4; j++)
            all[part][j] = _mm512_setzero_si512();
    for (int t = 0; t < size; t++) {
        for (int32_t n = counts[t][0]; n > 0; n--, groups++) {
            const int32_t *p = rows[t] + groups->offset;
            const __m512i low = _mm512_set1_epi32(groups->parts[0]);
            const __m512i middle = _mm512_set1_epi32(groups->parts[1]);
            const __m512i high = _mm512_set1_epi32(groups->parts[2]);
            for (int j = 0; j < 4; j++) {
                const __m512i seen = LOAD_512(p + 16 * j);
                all[0][j] = _mm512_dpbusd_epi32(all[0][j], seen, low);
                all[1][j] = _mm512_dpbusd_epi32(all[1][j], seen, middle);
                all[2][j] = _mm512_dpbusd_epi32(all[2][j], seen, high);
            }
        }
        for (int32_t n = counts[t][1]; n > 0; n--, groups++) {
            const int32_t *p = rows[t] + groups->offset;
            const __m512i low = _mm512_set1_epi32(groups->parts[0]);
            const __m512i middle = _mm512_set1_epi32(groups->parts[1]);
            for (int j = 0; j < 4; j++) {
                const __m512i seen = LOAD_512(p + 16 * j);
                all[0][j] = _mm512_dpbusd_epi32(all[0][j], seen, low);
                all[1][j] = _mm512_dpbusd_epi32(all[1][j], seen, middle);
            }
        }
        for (int32_t n = counts[t][2]; n > 0; n--, groups++) {
            const int32_t *p = rows[t] + groups->offset;
            const __m512i low = _mm512_set1_epi32(groups->parts[0]);
            for (int j = 0; j < 4; j++)
                all[0][j] = _mm512_dpbusd_epi32(all[0][j], LOAD_512(p + 16 * j), low);
        }
    }
    for (int part = 0; part < PARTS; part++)
        for (int j = 0; j < 4; j++)
            STORE_512(sums[part] + 16 * j, all[part][j]);
}

static void add_one_of_quads(const int32_t *const *rows, const int32_t (*counts)[PARTS],
                             const tap_group *groups, int size, part_sums sums)
{
    __m512i all[PARTS];
    for (int part = 0; part < PARTS; part++)
        all[part] = _mm512_setzero_si512();
    for (int t = 0; t < size; t++)
        for (int32_t n = counts[t][0] + counts[t][1] + counts[t][2]; n > 0; n--, groups++) {
            const __m512i seen = LOAD_512(rows[t] + groups->offset);
            for (int part = 0; part < PARTS; part++)
                all[part] =
                    _mm512_dpbusd_epi32(all[part], seen, _mm512_set1_epi32(groups->parts[part]));
        }
    for (int part = 0; part < PARTS; part++)
        STORE_512(sums[part], all[part]);
}

#endif

/* Levels of columns that lie `apart` numbers from each other. Nothing is rounded but the last. */
static void write_levels(const part_sums sums, int64_t count, const tap_set *set, int64_t apart,
                         float *out)
{
    for (int64_t i = 0; i < count; i++)
        out[i * apart] =
            (float)(sums[1][i] * set->units[1] + sums[0][i] * set->units[0] + set->middle);
}

#ifdef __AVX512VBMI__
static void write_levels_of_quads(const part_sums sums, int64_t count, const tap_set *set,
                                  int64_t apart, float *out)
{
    for (int64_t i = 0; i < count; i++)
        out[i * apart] = (float)(sums[2][i] * set->units[2] + sums[1][i] * set->units[1]
                                 + sums[0][i] * set->units[0] + set->middle);
}

#endif

/* How one form does it. */
typedef struct {
    int together, lanes, widest; /* the largest size of what rows hold: less MIDDLE, or as it is */
    size_t bytes;
    void (*lay_out)(const uint8_t *, const sampling *, const layout *, void *, int32_t *);
    add_function *four, *one;
    void (*write)(const part_sums, int64_t, const tap_set *, int64_t, float *);
} way;

static const way ways[] = {
    [PAIRS_256] = {PAIR, 8, MIDDLE, sizeof(int16_t), lay_out, add_four_256, add_one_256,
                   write_levels},
#ifdef __AVX512VBMI__
    [PAIRS_512] = {PAIR, 16, MIDDLE, sizeof(int16_t), lay_out, add_four_512, add_one_512,
                   write_levels},
    [QUADS_512] = {QUAD, 16, UINT8_MAX, sizeof(uint8_t), lay_out_bytes, add_four_quads,
                   add_one_of_quads, write_levels_of_quads},
#endif
};

/* Cut integers into parts of `bits` bits, the highest of what is left; 0 when that, or a sum, can grow
   too large. Parts follow each other in `out`, each of `count` numbers. */
static int cut(const int64_t *taps, int64_t count, int bits, const way *by, int64_t *out)
{
    const int64_t half = (int64_t)1 << (bits - 1);
    const int64_t most = by->together == PAIR ? INT16_MAX : INT8_MAX;
    const int last = by->together == PAIR ? 1 : 2;
    int64_t sizes[PARTS] = {0};
    for (int64_t i = 0; i < count; i++) {
        int64_t left = taps[i];
        for (int part = 0; part <= last; part++) {
            const int64_t some =
                part == last ? left : ((left + half) & (2 * half - 1)) - half;
            if (some > most || some < -most - 1)
                return 0;
            out[part * count + i] = some;
            sizes[part] += some < 0 ? -some : some;
            left = (left - some) / (2 * half);
        }
    }
    for (int part = 0; part <= last; part++)
        if (sizes[part] > INT32_MAX / by->widest)
            return 0;
    return 1;
}

/* Fill a set from taps; work has room for 1 + PARTS numbers a tap. NOT_SO: they do not fit. */
static int fill(const sampling *all, int64_t number, const way *by, const layout *how,
                int64_t *work, tap_set *set)
{
    const int size = all->size, last = by->together == PAIR ? 1 : 2;
    const int64_t count = (int64_t)size * size, from = number * count;
    const double unit = all->units[2 * number], finer = all->units[2 * number + 1];
    const double ratio = finer > 0 ? unit / finer : 1;
    int64_t *taps = work, *parts = work + count, sum = 0;
    if (!(ratio >= 1 && ratio <= 1 << 20))
        return NOT_SO;
    for (int64_t i = 0; i < count; i++) {
        const double tap =
            all->coarse[from + i] * ratio + (finer > 0 ? all->fine[from + i] : 0);
        if (!(tap <= INT32_MAX && tap >= INT32_MIN))
            return NOT_SO;
        taps[i] = (int64_t)tap;
        sum += taps[i];
    }
    int bits = by->together == PAIR ? MOST_BITS : LIMB;
    while (!cut(taps, count, bits, by, parts))
        if (by->together == QUAD || --bits < LEAST_BITS)
            return NOT_SO;
    set->units[0] = finer > 0 ? finer : unit;
    for (int part = 1; part < PARTS; part++)
        set->units[part] = set->units[part - 1] * (double)((int64_t)1 << bits);
    /* Sums of pixels as they are have MIDDLE times all taps too much. */
    set->middle = by->together == PAIR ? MIDDLE : MIDDLE - MIDDLE * set->units[0] * (double)sum;
    tap_group *next = set->groups;
    for (int t = 0; t < size; t++)
        for (int lacking = 0; lacking <= last; lacking++)
            for (int u = 0; u < size; u += by->together) {
                const int at = all->starts[number % all->every] + u;
                uint32_t found[PARTS] = {0};
                for (int part = 0; part <= last; part++)
                    for (int j = 0; j < by->together && u + j < size; j++) {
                        const int64_t some = parts[part * count + t * size + u + j];
                        found[part] |= by->together == PAIR ? (uint32_t)(uint16_t)some << 16 * j
                                                            : (uint32_t)(uint8_t)some << 8 * j;
                    }
                int highest = last;
                while (highest >= 0 && found[highest] == 0)
                    highest--;
                if (highest != last - lacking)
                    continue;
                for (int part = 0; part < PARTS; part++)
                    next->parts[part] = (int32_t)found[part];
                next++->offset = how->plane_of[at % all->step] * how->wide + at / all->step;
                set->counts[t][lacking]++;
            }
    return 0;
}

/* How rows are laid out for all the taps. */
static void plan(const sampling *all, int together, layout *how)
{
    memset(how, 0, sizeof(*how));
    for (int r = 0; r < all->every; r++)
        for (int u = 0; u < all->size && u < together * all->step; u += together) {
            const int residue = (all->starts[r] + u) % all->step;
            int plane = 0;
            while (plane < how->count && how->residues[plane] != residue)
                plane++;
            how->residues[plane] = residue;
            how->plane_of[residue] = plane;
            how->count += plane == how->count;
        }
    const int64_t columns = all->columns / all->every;
    how->wide = (columns + ROUND_TO - 1) / ROUND_TO * ROUND_TO
                + (all->starts[all->every - 1] + all->size + all->step - 1) / all->step;
    how->line = (how->wide + 1) * all->step + together;
    how->row = how->wide * how->count * all->channels;
}

static const uint8_t *row_at(const sampling *all, int64_t row)
{
    return all->image + mirrored(all->top + row, all->height) * all->width * all->channels;
}

/* Have the part of a row that will be laid out brought near: it lies too far from the last one for
   processors to guess. */
static void ask_for(const uint8_t *row, const sampling *all)
{
    const int64_t end = all->left + all->columns / all->every * all->step + all->size;
    const int64_t bytes = (end < all->width ? end : all->width) * all->channels;
    for (int64_t at = (all->left < 0 ? 0 : all->left) * all->channels; at < bytes; at += CACHE_LINE)
        __builtin_prefetch(row + at);
}

static void sample_rows(const sampling *all, const layout *how, const tap_set *sets, const way *by,
                        void *lines, int32_t *ring, const int32_t **seen)
{
    const int lanes = by->lanes, every = all->every, size = all->size;
    const int64_t count = all->columns / every, apart = (int64_t)every * all->channels;
    int64_t next = 0; /* rows below `top` that are laid out */
    for (int64_t y = 0; y < all->rows; y++) {
        const int64_t first = y / every * all->step + all->starts[y % every];
        if (next < first)
            next = first;
        for (; next < first + size; next++) {
            ask_for(row_at(all, next + all->step), all);
            by->lay_out(row_at(all, next), all, how, lines, ring + next % size * how->row);
        }
        const int32_t **const rows = seen + size; /* where each row begins in the ring */
        for (int t = 0; t < size; t++)
            rows[t] = ring + (first + t) % size * how->row;
        for (int phase = 0; phase < every; phase++) {
            const tap_set *set = sets + y % every * every + phase;
            for (int channel = 0; channel < all->channels; channel++)
                for (int64_t x = 0, some; x < count; x += some) {
                    part_sums sums;
                    const int64_t most = count - x > 2 * lanes ? 4 * lanes : lanes;
                    some = count - x < most ? count - x : most;
                    for (int t = 0; t < size; t++)
                        seen[t] = rows[t] + channel * how->count * how->wide + x;
                    (most > lanes ? by->four : by->one)(seen, (const int32_t(*)[PARTS])set->counts,
                                                        set->groups, size, sums);
                    by->write((const int32_t(*)[ROUND_TO])sums, some, set, apart,
                              all->out
                                  + (y * all->columns + x * every + phase) * all->channels
                                  + channel);
                }
        }
    }
}

static int sample_by(const sampling *all, const way *by)
{
    layout how;
    if (all->step > (int)(sizeof(how.residues) / sizeof(how.residues[0])))
        return NOT_SO;
    plan(all, by->together, &how);
    const int64_t count = (int64_t)all->every * all->every, size = all->size;
    const int64_t row_groups = (size + by->together - 1) / by->together;
    tap_set *sets = calloc((size_t)count, sizeof(tap_set));
    tap_group *groups = malloc(sizeof(tap_group) * (size_t)(count * size * row_groups + 1));
    int32_t(*counts)[PARTS] = calloc((size_t)(count * size), sizeof(*counts));
    int64_t *work = malloc(sizeof(int64_t) * (size_t)((1 + PARTS) * size * size));
    void *lines = calloc((size_t)(how.line * all->channels), by->bytes);
    int32_t *ring = malloc(sizeof(int32_t) * (size_t)(how.row * size));
    const int32_t **seen = malloc(sizeof(int32_t *) * (size_t)(2 * size));
    int done = sets && groups && counts && work && lines && ring && seen ? 0 : NO_MEMORY;
    for (int64_t s = 0; s < count && !done; s++) {
        sets[s].groups = groups + s * size * row_groups;
        sets[s].counts = counts + s * size;
        done = fill(all, s, by, &how, work, sets + s);
    }
    if (!done)
        sample_rows(all, &how, sets, by, lines, ring, seen);
    free(sets);
    free(groups);
    free(counts);
    free(work);
    free(lines);
    free(ring);
    free(seen);
    return done;
}

int sample_in_pairs(const sampling *all, int form)
{
    /* Coarse taps alone are one part of a pair, and two of a four. */
    const int best = all->units[1] > 0 ? QUADS_512 : PAIRS_512;
    const int built = (int)(sizeof(ways) / sizeof(ways[0])) - 1;
    const int first = form == BEST ? best : form, end = form == BEST ? PAIRS_256 : form;
    int done = NOT_SO;
    int one = first < built ? first : built;
    for (; one >= end; one--)
        if ((done = sample_by(all, ways + one)) != NOT_SO)
            break;
    return done ? done : one;
}

#else

int sample_in_pairs(const sampling *all, int form)
{
    (void)all;
    (void)form;
    return NOT_SO;
}

#endif
