/* Blurring and sampling in integers, two taps at once: see sampling.py.

   Coarse and fine taps are one integer of about 27 bits, which is cut into a high and a low one of
   16. Processors multiply pairs of such integers and add both products, twice as many in one go as
   floats. The sums are below 2^31, so they are exact, and put together in double they are the same
   number that floats give.
*/
#include <stdlib.h>
#include <string.h>

#include "compiled.h"
#include "sampling.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

enum { CACHE_LINE = 64, ROUND_TO = 64, MOST_BITS = 16, LEAST_BITS = 8 };

typedef int32_t loose_pair __attribute__((aligned(2), may_alias));

typedef struct {
    int64_t offset; /* from the first column of a block, in a row that is laid out by phases */
    int32_t low, high; /* two taps each, the first in the lower half */
} tap_pair;

/* A set of taps. Of each row counts[0] pairs have both parts, then counts[1] a low one alone. */
typedef struct {
    tap_pair *pairs;
    int32_t (*counts)[2];
    double unit, high_unit;
} tap_set;

/* What is laid out of a row: pixel step*x + r and the one that follows, for the residues r that
   taps begin with. */
typedef struct {
    int count;
    int residues[256], plane_of[256];
    int64_t wide, line, row; /* columns of a plane; numbers of a line and of a laid-out row */
} layout;

typedef void add_function(const int32_t *const *rows, const int32_t (*counts)[2],
                          const tap_pair *pairs, int size, int32_t *low, int32_t *high);

static inline __attribute__((always_inline)) void deinterleave(const uint8_t *from, int64_t count,
                                                               int channels, int64_t line,
                                                               int16_t *restrict to)
{
    for (int64_t i = 0; i < count; i++)
        for (int channel = 0; channel < channels; channel++)
            to[channel * line + i] = (int16_t)(from[i * channels + channel] - MIDDLE);
}

static inline __attribute__((always_inline)) void pair_up(const int16_t *line, int64_t wide,
                                                          int step, int32_t *restrict out)
{
    for (int64_t x = 0; x < wide; x++)
        out[x] = *(const loose_pair *)(line + step * x);
}

/* One row of the image, mirrored at its ends. */
PER_PROCESSOR
static void lay_out(const uint8_t *row, const sampling *all, const layout *how,
                    int16_t *restrict lines, int32_t *restrict out)
{
    const int channels = all->channels, step = all->step;
    const int64_t width = all->width, left = all->left;
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
    for (int channel = 0; channel < channels; channel++)
        for (int plane = 0; plane < how->count; plane++, out += how->wide) {
            const int16_t *in = lines + channel * how->line + how->residues[plane];
            switch (step) {
            case 2: pair_up(in, how->wide, 2, out); break;
            case 3: pair_up(in, how->wide, 3, out); break;
            case 4: pair_up(in, how->wide, 4, out); break;
            default: pair_up(in, how->wide, step, out); break;
            }
        }
}

#define LOAD_256(from) _mm256_loadu_si256((const __m256i *)(from))
#define ADD_256(sum, seen, taps) sum = _mm256_add_epi32(sum, _mm256_madd_epi16(seen, taps))
#define STORE_256(to, sum) _mm256_storeu_si256((__m256i *)(to), sum)
#define LOAD_512(from) _mm512_loadu_si512(from)
#define ADD_512(sum, seen, taps) sum = _mm512_dpwssd_epi32(sum, seen, taps)
#define STORE_512(to, sum) _mm512_storeu_si512(to, sum)

/* The sums of four vectors of columns, and of one where no more are left. */
#define SUMS_BY(BITS, LANES, VECTOR, TARGET)                                                       \
    __attribute__((target(TARGET))) static void add_four_##BITS(                                   \
        const int32_t *const *rows, const int32_t (*counts)[2], const tap_pair *pairs, int size,   \
        int32_t *low, int32_t *high)                                                               \
    {                                                                                              \
        VECTOR a, b, c, d, e, f, g, h;                                                             \
        a = b = c = d = e = f = g = h = _mm##BITS##_set1_epi32(0);                                 \
        for (int t = 0; t < size; t++) {                                                           \
            for (int32_t n = counts[t][0]; n > 0; n--, pairs++) {                                  \
                const int32_t *p = rows[t] + pairs->offset;                                        \
                const VECTOR v = _mm##BITS##_set1_epi32(pairs->low);                               \
                const VECTOR w = _mm##BITS##_set1_epi32(pairs->high);                              \
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
            for (int32_t n = counts[t][1]; n > 0; n--, pairs++) {                                  \
                const int32_t *p = rows[t] + pairs->offset;                                        \
                const VECTOR v = _mm##BITS##_set1_epi32(pairs->low);                               \
                ADD_##BITS(a, LOAD_##BITS(p), v);                                                  \
                ADD_##BITS(b, LOAD_##BITS(p + LANES), v);                                          \
                ADD_##BITS(c, LOAD_##BITS(p + 2 * LANES), v);                                      \
                ADD_##BITS(d, LOAD_##BITS(p + 3 * LANES), v);                                      \
            }                                                                                      \
        }                                                                                          \
        STORE_##BITS(low, a);                                                                      \
        STORE_##BITS(low + LANES, b);                                                              \
        STORE_##BITS(low + 2 * LANES, c);                                                          \
        STORE_##BITS(low + 3 * LANES, d);                                                          \
        STORE_##BITS(high, e);                                                                     \
        STORE_##BITS(high + LANES, f);                                                             \
        STORE_##BITS(high + 2 * LANES, g);                                                         \
        STORE_##BITS(high + 3 * LANES, h);                                                         \
    }                                                                                              \
    __attribute__((target(TARGET))) static void add_one_##BITS(                                    \
        const int32_t *const *rows, const int32_t (*counts)[2], const tap_pair *pairs, int size,   \
        int32_t *low, int32_t *high)                                                               \
    {                                                                                              \
        VECTOR a = _mm##BITS##_set1_epi32(0), e = a;                                               \
        for (int t = 0; t < size; t++)                                                             \
            for (int32_t n = counts[t][0] + counts[t][1]; n > 0; n--, pairs++) {                   \
                const VECTOR first = LOAD_##BITS(rows[t] + pairs->offset);                         \
                ADD_##BITS(a, first, _mm##BITS##_set1_epi32(pairs->low));                          \
                ADD_##BITS(e, first, _mm##BITS##_set1_epi32(pairs->high));                         \
            }                                                                                      \
        STORE_##BITS(low, a);                                                                      \
        STORE_##BITS(high, e);                                                                     \
    }

SUMS_BY(256, 8, __m256i, "avx2")
SUMS_BY(512, 16, __m512i, "avx512f,avx512bw,avx512vnni")

/* Levels of columns that lie `apart` numbers from each other. */
PER_PROCESSOR
static void write_levels(const int32_t *low, const int32_t *high, int64_t count,
                         const tap_set *set, int64_t apart, float *out)
{
    for (int64_t i = 0; i < count; i++)
        out[i * apart] = (float)(high[i] * set->high_unit + low[i] * set->unit + MIDDLE);
}

static int32_t both(int64_t first, int64_t second)
{
    return (int32_t)((uint32_t)(uint16_t)first | (uint32_t)(uint16_t)second << 16);
}

/* Cut integers into high parts and low ones of `bits`; 0 when a part or a sum can grow too large. */
static int cut(const int64_t *taps, int64_t count, int bits, int64_t *low, int64_t *high)
{
    const int64_t half = (int64_t)1 << (bits - 1);
    int64_t lows = 0, highs = 0;
    for (int64_t i = 0; i < count; i++) {
        low[i] = ((taps[i] + half) & (2 * half - 1)) - half;
        high[i] = (taps[i] - low[i]) / (2 * half);
        if (high[i] > INT16_MAX || high[i] < INT16_MIN)
            return 0;
        lows += low[i] < 0 ? -low[i] : low[i];
        highs += high[i] < 0 ? -high[i] : high[i];
    }
    return lows <= INT32_MAX / MIDDLE && highs <= INT32_MAX / MIDDLE;
}

/* Fill a set from taps; work has room for three numbers a tap. NOT_SO: they do not fit. */
static int fill(const sampling *all, int64_t number, const layout *how, int64_t *work, tap_set *set)
{
    const int size = all->size;
    const int64_t count = (int64_t)size * size, from = number * count;
    const double unit = all->units[2 * number], finer = all->units[2 * number + 1];
    const double ratio = finer > 0 ? unit / finer : 1;
    int64_t *taps = work, *low = work + count, *high = low + count;
    if (!(ratio >= 1 && ratio <= 1 << 20))
        return NOT_SO;
    for (int64_t i = 0; i < count; i++) {
        const double tap =
            all->coarse[from + i] * ratio + (finer > 0 ? all->fine[from + i] : 0);
        if (!(tap <= INT32_MAX && tap >= INT32_MIN))
            return NOT_SO;
        taps[i] = (int64_t)tap;
    }
    int bits = MOST_BITS;
    while (!cut(taps, count, bits, low, high))
        if (--bits < LEAST_BITS)
            return NOT_SO;
    set->unit = finer > 0 ? finer : unit;
    set->high_unit = set->unit * (double)((int64_t)1 << bits);
    tap_pair *next = set->pairs;
    for (int t = 0; t < size; t++)
        for (int part = 0; part < 2; part++)
            for (int u = 0; u < size; u += 2) {
                const int64_t *l = low + t * size + u, *h = high + t * size + u;
                const int at = all->starts[number % all->every] + u, is_last = u + 1 == size;
                next->low = both(l[0], is_last ? 0 : l[1]);
                next->high = both(h[0], is_last ? 0 : h[1]);
                if ((next->high == 0) != part || (part && next->low == 0))
                    continue;
                next++->offset = how->plane_of[at % all->step] * how->wide + at / all->step;
                set->counts[t][part]++;
            }
    return 0;
}

/* How rows are laid out for all the taps. */
static void plan(const sampling *all, layout *how)
{
    memset(how, 0, sizeof(*how));
    for (int r = 0; r < all->every; r++)
        for (int u = 0; u < all->size && u < 2 * all->step; u += 2) {
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
    how->line = (how->wide + 1) * all->step + 1;
    how->row = how->wide * how->count * all->channels;
}

/* The form that is taken: the one wanted, or the best of those that the processor has. */
static int form_of(int form)
{
    const int has_256 = __builtin_cpu_supports("avx2");
    const int has_512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
                        && __builtin_cpu_supports("avx512vnni");
    if (form == BEST)
        return has_512 ? PAIRS_512 : has_256 ? PAIRS_256 : FLOATS;
    return (form == PAIRS_512 && has_512) || (form == PAIRS_256 && has_256) ? form : FLOATS;
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

static void sample_rows(const sampling *all, const layout *how, const tap_set *sets, int form,
                        int16_t *lines, int32_t *ring, const int32_t **seen)
{
    const int lanes = form == PAIRS_512 ? 16 : 8, every = all->every, size = all->size;
    add_function *const four = form == PAIRS_512 ? add_four_512 : add_four_256;
    add_function *const one = form == PAIRS_512 ? add_one_512 : add_one_256;
    const int64_t count = all->columns / every, apart = (int64_t)every * all->channels;
    int64_t next = 0; /* rows below `top` that are laid out */
    for (int64_t y = 0; y < all->rows; y++) {
        const int64_t first = y / every * all->step + all->starts[y % every];
        if (next < first)
            next = first;
        for (; next < first + size; next++) {
            ask_for(row_at(all, next + all->step), all);
            lay_out(row_at(all, next), all, how, lines, ring + next % size * how->row);
        }
        for (int phase = 0; phase < every; phase++) {
            const tap_set *set = sets + y % every * every + phase;
            for (int channel = 0; channel < all->channels; channel++)
                for (int64_t x = 0, some; x < count; x += some) {
                    int32_t low[ROUND_TO], high[ROUND_TO];
                    const int64_t most = count - x > 2 * lanes ? 4 * lanes : lanes;
                    some = count - x < most ? count - x : most;
                    for (int t = 0; t < size; t++)
                        seen[t] = ring + (first + t) % size * how->row
                                  + channel * how->count * how->wide + x;
                    (most > lanes ? four : one)(seen, (const int32_t(*)[2])set->counts, set->pairs,
                                                size, low, high);
                    write_levels(low, high, some, set, apart,
                                 all->out
                                     + (y * all->columns + x * every + phase) * all->channels
                                     + channel);
                }
        }
    }
}

int sample_in_pairs(const sampling *all, int form)
{
    layout how;
    form = form_of(form);
    if (form == FLOATS || all->step > (int)(sizeof(how.residues) / sizeof(how.residues[0])))
        return NOT_SO;
    plan(all, &how);
    const int64_t count = (int64_t)all->every * all->every, size = all->size;
    const int64_t row_pairs = (size + 1) / 2;
    tap_set *sets = calloc((size_t)count, sizeof(tap_set));
    tap_pair *pairs = malloc(sizeof(tap_pair) * (size_t)(count * size * row_pairs + 1));
    int32_t(*counts)[2] = calloc((size_t)(count * size), sizeof(*counts));
    int64_t *work = malloc(sizeof(int64_t) * (size_t)(3 * size * size));
    int16_t *lines = calloc((size_t)(how.line * all->channels), sizeof(int16_t));
    int32_t *ring = malloc(sizeof(int32_t) * (size_t)(how.row * size));
    const int32_t **seen = malloc(sizeof(int32_t *) * (size_t)size);
    int done = sets && pairs && counts && work && lines && ring && seen ? 0 : NO_MEMORY;
    for (int64_t s = 0; s < count && !done; s++) {
        sets[s].pairs = pairs + s * size * row_pairs;
        sets[s].counts = counts + s * size;
        done = fill(all, s, &how, work, sets + s);
    }
    if (!done)
        sample_rows(all, &how, sets, form, lines, ring, seen);
    free(sets);
    free(pairs);
    free(counts);
    free(work);
    free(lines);
    free(ring);
    free(seen);
    return done;
}

#else

int sample_in_pairs(const sampling *all, int form)
{
    (void)all;
    (void)form;
    return NOT_SO;
}

#endif
