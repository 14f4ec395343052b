/* Sums over cells of a photo, and over the columns of a strip: see window_sums.py. All are integers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compiled.h"

enum {
    SAMPLES = 3,
    PEAK = 255,
    MOST_ROWS = 64,       /* summed at once: 64 * 255 < 2^16 */
    TILE = 256 * SAMPLES, /* samples whose sums stay in the processor's nearest cache */
    MOST_GREY_ROWS = 1024 /* 1024 * 1023 * 1020 < 2^31 */
};

/* Sums of samples one below the other; `next` and `second` are of products with the samples that
   follow as first and as second. */
typedef struct {
    uint16_t sums[TILE];
    uint32_t squares[TILE], next[TILE], second[TILE];
    uint8_t clipped[TILE];
} tile_sums;

/* Samples `first` to `count` - 1; two more are read. */
static void add_samples(const uint8_t *restrict pixels, int64_t stride, int64_t rows, int first,
                        int count, tile_sums *restrict to)
{
    for (int64_t row = 0; row < rows; row++) {
        const uint8_t *const restrict x = pixels + row * stride;
        for (int i = first; i < count; i++)
            to->sums[i] = (uint16_t)(to->sums[i] + x[i]);
        for (int i = first; i < count; i++)
            to->squares[i] += (uint16_t)(x[i] * x[i]);
        for (int i = first; i < count; i++)
            to->next[i] += (uint16_t)(x[i] * x[i + 1]);
        for (int i = first; i < count; i++)
            to->second[i] += (uint16_t)(x[i] * x[i + 2]);
        for (int i = first; i < count; i++) {
            const uint8_t low = (x[i] == 0) | (x[i + 1] == 0) | (x[i + 2] == 0);
            const uint8_t high = (x[i] == PEAK) | (x[i + 1] == PEAK) | (x[i + 2] == PEAK);
            to->clipped[i] = (uint8_t)(to->clipped[i] + (low | high));
        }
    }
}

#ifdef __AVX2__
#include <immintrin.h>

enum { AT_ONCE = 16 };

typedef struct {
    __m128i own, next, second;
} samples;

static inline samples load_samples(const uint8_t *x)
{
    return (samples){_mm_loadu_si128((const __m128i *)x), _mm_loadu_si128((const __m128i *)(x + 1)),
                     _mm_loadu_si128((const __m128i *)(x + 2))};
}

/* All ones where a pixel that begins here has a sample at 0 or at the peak. */
static inline __m128i is_clipped(samples x)
{
    const __m128i least = _mm_min_epu8(_mm_min_epu8(x.own, x.next), x.second);
    const __m128i most = _mm_max_epu8(_mm_max_epu8(x.own, x.next), x.second);
    return _mm_or_si128(_mm_cmpeq_epi8(least, _mm_setzero_si128()),
                        _mm_cmpeq_epi8(most, _mm_set1_epi8((char)PEAK)));
}

/* Add the products of eight samples of two rows, which stand one of each in turn. */
static inline void add_eight(__m256i one, __m128i other, uint32_t *to)
{
    const __m256i products = _mm256_madd_epi16(one, _mm256_cvtepu8_epi16(other));
    const __m256i sum = _mm256_loadu_si256((const __m256i *)to);
    _mm256_storeu_si256((__m256i *)to, _mm256_add_epi32(sum, products));
}

/* Two rows at once: of both, two products and their sum are one instruction. Returns how many samples
   of an even number of rows are done. */
static int add_row_pairs(const uint8_t *pixels, int64_t stride, int64_t rows, int count,
                         tile_sums *to)
{
    const int done = count / AT_ONCE * AT_ONCE;
    for (int64_t row = 0; row + 1 < rows; row += 2)
        for (int i = 0; i < done; i += AT_ONCE) {
            const samples x = load_samples(pixels + row * stride + i);
            const samples y = load_samples(pixels + (row + 1) * stride + i);
            const __m128i low_bytes = _mm_unpacklo_epi8(x.own, y.own);
            const __m128i high_bytes = _mm_unpackhi_epi8(x.own, y.own);
            const __m256i low = _mm256_cvtepu8_epi16(low_bytes);
            const __m256i high = _mm256_cvtepu8_epi16(high_bytes);
            __m256i *const sums = (__m256i *)(to->sums + i);
            __m128i *const clipped = (__m128i *)(to->clipped + i);
            const __m256i both =
                _mm256_add_epi16(_mm256_cvtepu8_epi16(x.own), _mm256_cvtepu8_epi16(y.own));
            _mm256_storeu_si256(sums, _mm256_add_epi16(_mm256_loadu_si256(sums), both));
            /* All ones are -1. */
            const __m128i fewer = _mm_add_epi8(is_clipped(x), is_clipped(y));
            _mm_storeu_si128(clipped, _mm_sub_epi8(_mm_loadu_si128(clipped), fewer));
            const int rest = i + AT_ONCE / 2;
            add_eight(low, low_bytes, to->squares + i);
            add_eight(high, high_bytes, to->squares + rest);
            add_eight(low, _mm_unpacklo_epi8(x.next, y.next), to->next + i);
            add_eight(high, _mm_unpackhi_epi8(x.next, y.next), to->next + rest);
            add_eight(low, _mm_unpacklo_epi8(x.second, y.second), to->second + i);
            add_eight(high, _mm_unpackhi_epi8(x.second, y.second), to->second + rest);
        }
    return done;
}
#else
static int add_row_pairs(const uint8_t *pixels, int64_t stride, int64_t rows, int count,
                         tile_sums *to)
{
    (void)pixels, (void)stride, (void)rows, (void)count, (void)to;
    return 0;
}
#endif

/* Two samples more than `count` are read. */
static void add_rows(const uint8_t *pixels, int64_t stride, int64_t rows, int count, tile_sums *to)
{
    const int done = add_row_pairs(pixels, stride, rows, count, to);
    if (done && rows % 2)
        add_samples(pixels + (rows - 1) * stride, stride, 1, 0, done, to);
    add_samples(pixels, stride, rows, done, count, to);
}

/* Add some columns of a tile, which begins with a pixel's first sample, to ten planes of cells. */
static void add_to_cell(const tile_sums *tile, int64_t first, int64_t end, int64_t plane,
                        int64_t *cell)
{
    uint64_t found[10] = {0};
    for (int64_t i = SAMPLES * first; i < SAMPLES * end; i += SAMPLES) {
        for (int c = 0; c < SAMPLES; c++) {
            found[c] += tile->sums[i + c];
            found[3 + c] += tile->squares[i + c];
        }
        found[6] += tile->next[i];
        found[7] += tile->next[i + 1];
        found[8] += tile->second[i];
        found[9] += tile->clipped[i];
    }
    for (int p = 0; p < 10; p++)
        cell[p * plane] += (int64_t)found[p];
}

/* Cells lie between `rows` and `columns`, ascending edges; `cells` are (10, rows, columns) zeros. */
int degrade_window_sums(const uint8_t *pixels, int64_t height, int64_t width, const int64_t *rows,
                        int64_t bands, const int64_t *columns, int64_t cells_in_band,
                        int64_t *cells)
{
    const int64_t stride = width * SAMPLES;
    tile_sums *tile = malloc(sizeof(tile_sums));
    uint8_t *last = malloc((size_t)(MOST_ROWS * (TILE + 2))); /* so that no row is read beyond */
    if (!tile || !last) {
        free(tile);
        free(last);
        return -1;
    }
    for (int64_t band = 0; band < bands; band++)
        for (int64_t top = rows[band], some; top < rows[band + 1]; top += some) {
            some = rows[band + 1] - top < MOST_ROWS ? rows[band + 1] - top : MOST_ROWS;
            int64_t cell = 0;
            for (int64_t left = columns[0]; left < columns[cells_in_band]; left += TILE / SAMPLES) {
                const int64_t rest = columns[cells_in_band] - left;
                const int64_t wide = rest < TILE / SAMPLES ? rest : TILE / SAMPLES;
                const uint8_t *from = pixels + top * stride + left * SAMPLES;
                memset(tile, 0, sizeof(tile_sums));
                if (top + some == height && left + wide == width) {
                    for (int64_t row = 0; row < some; row++)
                        memcpy(last + row * (TILE + 2), from + row * stride, wide * SAMPLES);
                    add_rows(last, TILE + 2, some, (int)wide * SAMPLES, tile);
                } else
                    add_rows(from, stride, some, (int)wide * SAMPLES, tile);
                for (int64_t at = left; at < left + wide;) {
                    while (columns[cell + 1] <= at)
                        cell++;
                    const int64_t end =
                        columns[cell + 1] < left + wide ? columns[cell + 1] : left + wide;
                    add_to_cell(tile, at - left, end - left, bands * cells_in_band,
                                cells + band * cells_in_band + cell);
                    at = end;
                }
            }
        }
    free(tile);
    free(last);
    return 0;
}

/* Grey levels R + 2G + B of a row. */
static void make_grey(const uint8_t *restrict row, int64_t width, int16_t *restrict grey)
{
    for (int64_t i = 0; i < width; i++)
        grey[i] = (int16_t)(row[3 * i] + 2 * row[3 * i + 1] + row[3 * i + 2]);
}

/* Sums of a column's grey levels, their squares and products with `row`, and of the squares of steps
   to the right and from above. */
static void add_grey(const int16_t *grey, const int16_t *above, int64_t width, int row,
                     uint32_t *const to[5])
{
    uint32_t *const restrict sums = to[0], *const restrict squares = to[1];
    uint32_t *const restrict moments = to[2], *const restrict along = to[3];
    uint32_t *const restrict down = to[4];
    for (int64_t i = 0; i < width; i++)
        sums[i] += (uint32_t)grey[i];
    for (int64_t i = 0; i < width; i++)
        squares[i] += (uint32_t)(grey[i] * grey[i]);
    for (int64_t i = 0; i < width; i++)
        moments[i] += (uint32_t)(grey[i] * row);
    for (int64_t i = 0; i < width - 1; i++) {
        const int step = grey[i + 1] - grey[i];
        along[i] += (uint32_t)(step * step);
    }
    if (above)
        for (int64_t i = 0; i < width; i++) {
            const int step = grey[i] - above[i];
            down[i] += (uint32_t)(step * step);
        }
}

/* `out` is (5, width) zeros; `stride` bytes lie between the beginnings of rows. */
int degrade_strip_sums(const uint8_t *strip, int64_t stride, int64_t rows, int64_t width,
                       int64_t *out)
{
    uint32_t *sums = calloc((size_t)(5 * width), sizeof(uint32_t));
    int16_t *greys = malloc(sizeof(int16_t) * (size_t)(2 * width));
    int done = -1;
    if (sums && greys) {
        uint32_t *const to[5] = {sums, sums + width, sums + 2 * width, sums + 3 * width,
                                 sums + 4 * width};
        for (int64_t row = 0; row < rows; row++) {
            int16_t *grey = greys + row % 2 * width, *above = greys + (row + 1) % 2 * width;
            const int within = (int)(row % MOST_GREY_ROWS);
            make_grey(strip + row * stride, width, grey);
            add_grey(grey, row ? above : NULL, width, within, to);
            if (within == MOST_GREY_ROWS - 1 || row == rows - 1) {
                for (int64_t i = 0; i < width; i++)
                    out[2 * width + i] += (row - within) * (int64_t)to[0][i];
                for (int64_t i = 0; i < 5 * width; i++)
                    out[i] += sums[i];
                memset(sums, 0, sizeof(uint32_t) * (size_t)(5 * width));
            }
        }
        done = 0;
    }
    free(sums);
    free(greys);
    return done;
}
